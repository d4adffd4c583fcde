// What is under this spot, by name: how often it was called, what it cost and saved, what it keeps, and each in full.

import { Rate, Share } from "./charts";
import type { Desk } from "./desk";
import { Heads, Icon, KindTag, Named, Tag, Told, Verdict } from "./marks";
import { ModeChoice } from "./modes";
import { why } from "./runs";
import { Waiting } from "./waiting";
import type { FunctionDetail, FunctionRow } from "./wire";
import { ago, bytes, counted, duration, money, number, percent } from "./words";

export function FunctionsView({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.functions.value} lines={4} retry={desk.renew}>
      {(rows) => {
        const priced = rows.some((row) => row.price_paid > 0 || row.price_saved > 0);
        const largest = Math.max(1, ...rows.map((row) => row.bytes));
        return rows.length ? (
          <table class="rows functions" aria-label="Functions and cells">
            <Heads
              of={[
                ["Name", "name"],
                ["Calls", "num"],
                ["Hit rate", "rates"],
                ["Run time", "num"],
                ["Saved", "num"],
                priced && ["Cost", "num"],
                ["Kept", "kept"],
                ["Mode", "num"],
              ]}
            />
            <tbody>{rows.map((row) => <Use key={`${row.kind} ${row.name}`} desk={desk} row={row} priced={priced} largest={largest} />)}</tbody>
          </table>
        ) : (
          <div class="empty"><p>No function or cell has been called yet.</p></div>
        );
      }}
    </Waiting>
  );
}

function Use({ desk, row, priced, largest }: { desk: Desk; row: FunctionRow; priced: boolean; largest: number }) {
  const open = !!row.name && desk.named.value === row.name;
  return (
    <>
      <tr>
        <td class="name">
          <div class="opens">
            <button class={`plain turn ${open ? "down" : ""}`} aria-expanded={open} aria-label={`More about ${row.name || "unnamed"}`} onClick={() => desk.showFunction(open ? "" : row.name)}>
              <Icon name="next" />
            </button>
            <Named name={row.name} open={() => desk.only(row.name)}>
              <KindTag kind={row.kind} />
              {row.errors > 0 && <Tag tone="warn">{number(row.errors)} failed</Tag>}
            </Named>
          </div>
        </td>
        <td class="num" data-label="calls">{number(row.calls)}</td>
        <td class="rates"><Rate name={row.name} rate={row.rate} /> {percent(row.hits, row.calls)}</td>
        <td class="num" data-label="run time">{duration(row.seconds)}</td>
        <td class="num" data-label={row.hits ? "saved" : undefined}>
          {row.hits > 0 && duration(row.seconds_saved)}
          {row.price_saved > 0 && <span class="muted"> {money(row.price_saved)}</span>}
        </td>
        {priced && <td class="num" data-label={row.price_paid ? "cost" : undefined}>{row.price_paid > 0 && money(row.price_paid)}</td>}
        <td class="kept"><Share part={row.bytes} of={largest} /> {number(row.entries)}, {bytes(row.bytes)}</td>
        <td class="num"><ModeChoice desk={desk} name={row.name} mode={row.mode} set={row.set} given={row.given} /></td>
      </tr>
      {open && (
        <tr class="more">
          <td colSpan={priced ? 8 : 7}>
            <Waiting of={desk.detail.value} lines={2}>{(detail) => <Detail desk={desk} detail={detail} />}</Waiting>
          </td>
        </tr>
      )}
    </>
  );
}

function Detail({ desk, detail: { latency, outcomes, models, runs } }: { desk: Desk; detail: FunctionDetail }) {
  const said = Object.entries(outcomes).map(([word, times]) => word === "hit" ? counted(times, word) : `${number(times)} ${word === "not stored" ? "not kept" : word}`);
  return (
    <div class="detail">
      <dl>
        {latency && (
          <div>
            <dt>Run time</dt>
            <dd>{duration(latency.median)} half of the time, {duration(latency.slow)} in 9 of 10, at most {duration(latency.most)}</dd>
          </div>
        )}
        <div><dt>Outcomes</dt><dd>{said.join(", ") || "none yet"}</dd></div>
      </dl>
      {models.length > 0 && (
        <table class="grid" aria-label="By model">
          <Heads of={[["Model", ""], ["Ran", "num"], ["Hits", "num"], ["Read", "num"], ["Wrote", "num"], ["Cost", "num"], ["Saved", "num"]]} />
          <tbody>
            {models.map((one) => (
              <tr key={one.model}>
                <th scope="row">{one.model}</th>
                <td class="num">{number(one.runs)}</td>
                <td class="num">{number(one.hits)}</td>
                <td class="num">{counted(one.input_tokens, "token")}</td>
                <td class="num">{counted(one.output_tokens, "token")}</td>
                <td class="num">{money(one.paid)}</td>
                <td class="num">{money(one.saved)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <ol class="latest" aria-label="Latest calls">
        {runs.map((run) => (
          <li key={`${run.started} ${run.key} ${run.verdict}`}>
            <Verdict verdict={run.verdict} error={run.error} />
            <span><Told text={why(run)} /></span>
            <span class="muted">{ago(run.started, desk.now.value)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
