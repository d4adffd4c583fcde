// The latest calls with their verdicts: why something ran again.

import type { Desk } from "./desk";
import { Heads, Named, Told, Verdict } from "./marks";
import { Waiting } from "./waiting";
import type { Run } from "./wire";
import { ago, count, duration, moment, money } from "./words";

/** What came of a call, in words. Hits are counted together. */
export function why(run: Run): string {
  if (run.verdict === "hit") {
    const price = run.price > 0 ? ` and ${money(run.price)}` : "";
    return `${count(run.times, "time")}, saved ${duration(run.seconds)}${price}`;
  }
  const waited = run.waited >= 0.1 ? `waited ${duration(run.waited)} for its limit` : "";
  return [run.error || run.reason, waited].filter(Boolean).join("; ");
}

export function RunsView({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.runs.value} lines={6} retry={desk.renew}>
      {(runs) =>
        runs.length ? (
          <table class="rows" aria-label="The latest calls">
            <Heads of={[["Verdict", ""], ["Name", "name"], ["Why", "why"], ["Took", "num took"], ["When", "num made"]]} />
            <tbody>
              {runs.map((run) => (
                <tr key={`${run.started} ${run.key} ${run.verdict}`}>
                  <td><Verdict verdict={run.verdict} error={run.error} /></td>
                  <td class="name">
                    <Named name={run.name} open={run.stored ? () => desk.openEntry(run.key) : undefined} />
                  </td>
                  <td class="why">
                    <Told text={why(run)} />
                  </td>
                  <td class="num took">
                    {run.verdict === "hit" ? "" : duration(run.seconds)}
                    {run.verdict !== "hit" && run.price > 0 && <span class="muted"> {money(run.price)}</span>}
                  </td>
                  <td class="num made" title={moment(run.started)}>{ago(run.started, desk.now.value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : (
          <div class="empty"><p>No call has been noted yet.</p></div>
        )
      }
    </Waiting>
  );
}
