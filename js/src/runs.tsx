// The latest calls by notebook run, each run as a waterfall: what hit, ran, failed and waited, and why.

import { Fall } from "./charts";
import type { Desk } from "./desk";
import { Heads, Named, Told, Verdict } from "./marks";
import { Waiting } from "./waiting";
import type { Run } from "./wire";
import { ago, counted, duration, moment, money } from "./words";

const GAP = 120; // seconds without a call that end a run of the notebook
const WANTED: [string, string, (run: Run) => boolean][] = [
  ["", "all calls", () => true],
  ["hit", "hits", (run) => run.verdict === "hit"],
  ["ran", "ran", (run) => run.verdict === "ran" && !run.error],
  ["failed", "failed", (run) => !!run.error],
  ["waited", "waited", (run) => run.waited >= 0.1],
  ["unkept", "not kept", (run) => run.verdict === "ran" && !run.stored && !run.error],
];

/** What came of a call, in words. Hits are counted together. */
export function why(run: Run): string {
  if (run.verdict === "hit") {
    const price = run.price > 0 ? ` and ${money(run.price)}` : "";
    return `${counted(run.times, "time")}, saved ${duration(run.seconds)}${price}`;
  }
  const waited = run.waited >= 0.1 ? `waited ${duration(run.waited)} for its limit` : "";
  return [run.error || run.reason, waited].filter(Boolean).join("; ");
}

const took = (run: Run) => (run.verdict === "hit" ? 0 : run.seconds);
const ended = (run: Run) => run.started + (run.verdict === "hit" ? 0 : run.waited + run.seconds);

/** Calls that follow each other without a long pause, the newest first, and when each lot began and ended. */
export function runsOf(runs: readonly Run[]): { calls: Run[]; from: number; to: number }[] {
  const lots: { calls: Run[]; from: number; to: number }[] = [];
  for (const run of [...runs].sort((a, b) => a.started - b.started)) {
    const lot = lots.at(-1);
    if (lot && run.started - lot.to <= GAP) {
      lot.calls.unshift(run);
      lot.to = Math.max(lot.to, ended(run));
    } else lots.push({ calls: [run], from: run.started, to: ended(run) });
  }
  return lots.reverse();
}

export function RunsView({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.runs.value} lines={6} retry={desk.renew}>
      {(runs) => (runs.length ? <Runs desk={desk} runs={runs} /> : <div class="empty"><p>No call has been noted yet.</p></div>)}
    </Waiting>
  );
}

function Runs({ desk, runs }: { desk: Desk; runs: Run[] }) {
  const { verdict, text } = desk.wanted.value;
  const fits = WANTED.find(([word]) => word === verdict)?.[2] ?? (() => true);
  const found = (run: Run) => fits(run) && `${run.name} ${why(run)}`.toLowerCase().includes(text.toLowerCase());
  const want = (change: object) => (desk.wanted.value = { verdict, text, ...change });
  const lots = runsOf(runs).filter((lot) => lot.calls.some(found));
  return (
    <>
      <div class="toolbar" role="search">
        <label class="search">
          <input type="search" placeholder="Filter" aria-label="Filter by name or reason" value={text} onInput={(event) => want({ text: event.currentTarget.value })} />
        </label>
        <span class="grow" />
        <select aria-label="What came of it" value={verdict} onChange={(event) => want({ verdict: event.currentTarget.value })}>
          {WANTED.map(([word, name]) => <option key={word} value={word}>{name}</option>)}
        </select>
      </div>
      {lots.length ? (
        <table class="rows runs" aria-label="The latest calls">
          <Heads of={[["Outcome", ""], ["Name", "name"], ["Why", "why"], ["Course", "course"], ["Run time", "num"], ["When", "num"]]} />
          {lots.map((lot) => (
            <tbody key={lot.from}>
              <tr class="lot"><th colSpan={6} scope="rowgroup">{headed(lot.calls, lot.from, lot.to)}</th></tr>
              {lot.calls.filter(found).map((run) => <Call key={`${run.started} ${run.key} ${run.verdict} ${run.name}`} desk={desk} run={run} {...lot} />)}
            </tbody>
          ))}
        </table>
      ) : (
        <div class="empty">
          <p>No call fits.</p>
          <button onClick={() => want({ verdict: "", text: "" })}>Show all calls</button>
        </div>
      )}
    </>
  );
}

/** A run of the notebook in a line: when, what came of it, how long it took, what it cost. */
function headed(calls: Run[], from: number, to: number): string {
  const times = (fits: (run: Run) => boolean) => calls.filter(fits).reduce((sum, run) => sum + run.times, 0);
  const failed = times((run) => !!run.error);
  const paid = calls.reduce((sum, run) => sum + (run.verdict === "ran" ? run.price : 0), 0);
  const said = [
    counted(times((run) => run.verdict === "hit"), "hit"),
    `${times((run) => run.verdict === "ran" && !run.error)} ran`,
    failed && `${failed} failed`,
  ];
  return `${moment(from).slice(0, 16)} · ${said.filter(Boolean).join(", ")} · ${duration(to - from)}${paid ? ` · ${money(paid)}` : ""}`;
}

function Call({ desk, run, from, to }: { desk: Desk; run: Run; from: number; to: number }) {
  const scale = 100 / Math.max(to - from, 0.001);
  const waited = run.verdict === "hit" ? 0 : run.waited;
  return (
    <tr>
      <td><Verdict verdict={run.verdict} error={run.error} /></td>
      <td class="name">
        <Named name={run.name} open={run.stored && run.verdict !== "hit" ? () => desk.openEntry(run.key) : () => desk.only(run.name)} />
      </td>
      <td class="why"><Told text={why(run)} /></td>
      <td class="course">
        <Fall verdict={run.error ? "failed" : run.verdict} from={(run.started - from) * scale} waited={waited * scale} ran={took(run) * scale} />
      </td>
      <td class="num">
        {run.verdict === "hit" ? "" : duration(run.seconds)}
        {run.verdict !== "hit" && run.price > 0 && <span class="muted"> {money(run.price)}</span>}
      </td>
      <td class="num" title={moment(run.started)}>{ago(run.started, desk.now.value)}</td>
    </tr>
  );
}
