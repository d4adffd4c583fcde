// What is under this spot, by name: how often it was called, what it cost, what it saved.

import type { Desk } from "./desk";
import { Heads, KindTag, Named, Tag } from "./marks";
import { ModeChoice } from "./modes";
import { Waiting } from "./waiting";
import { duration, money, number, percent } from "./words";

export function FunctionsView({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.functions.value} lines={4} retry={desk.renew}>
      {(rows) => {
        const priced = rows.some((row) => row.price_paid > 0 || row.price_saved > 0);
        return rows.length ? (
          <table class="rows" aria-label="Functions and cells">
            <Heads
              of={[
                ["Name", "name"],
                ["Calls", "num"],
                ["Hit rate", "rate"],
                ["Ran for", "num took"],
                ["Saved", "num"],
                priced && ["Paid", "num cost"],
                ["Kept", "num size"],
                ["Mode", "num"],
              ]}
            />
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.kind} ${row.name}`}>
                  <td class="name">
                    <Named name={row.name} open={() => desk.only(row.name)}>
                      <KindTag kind={row.kind} />
                      {row.errors > 0 && <Tag tone="warn">{number(row.errors)} failed</Tag>}
                    </Named>
                  </td>
                  <td class="num">{number(row.calls)}</td>
                  <td class="rate"><Rate hits={row.hits} calls={row.calls} /></td>
                  <td class="num took">{duration(row.seconds)}</td>
                  <td class="num">
                    {row.hits > 0 && duration(row.seconds_saved)}
                    {row.price_saved > 0 && <span class="muted"> {money(row.price_saved)}</span>}
                  </td>
                  {priced && <td class="num cost">{row.price_paid > 0 && money(row.price_paid)}</td>}
                  <td class="num size">{number(row.entries)}</td>
                  <td class="num"><ModeChoice desk={desk} name={row.name} mode={row.mode} set={row.set} given={row.given} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : (
          <div class="empty"><p>No function or cell has been called yet.</p></div>
        );
      }}
    </Waiting>
  );
}

function Rate({ hits, calls }: { hits: number; calls: number }) {
  return (
    <span class="ratebar">
      <span class="track" aria-hidden="true"><span style={{ width: `${calls ? (100 * hits) / calls : 0}%` }} /></span>
      {percent(hits, calls)}
    </span>
  );
}
