// The frame of the panel: who it is about, how the line to the kernel stands, the totals, and one view below.

import type { TargetedKeyboardEvent } from "preact";
import type { Desk } from "./desk";
import { ResultView } from "./result";
import { ResultsView } from "./results";
import { FunctionsView } from "./functions";
import { LimitsView } from "./limits";
import { Icon, Spot } from "./marks";
import { MODES, ModeChoice } from "./modes";
import { Maintenance, Overview, Wrong } from "./overview";
import { RunsView } from "./runs";
import { BatchesView, JobsView } from "./tasks";
import type { Totals } from "./wire";
import { ago } from "./words";

const VIEWS: Record<string, string> = {
  entries: "Results", runs: "Runs", functions: "Functions", batches: "Batches", jobs: "Jobs", limits: "Limits",
};

export function App({ desk }: { desk: Desk }) {
  const totals = desk.totals.value;
  const empty = totals && isEmpty(totals);
  return (
    <section class="panel" aria-label={totals ? `spotmagic, ${totals.spot.name}` : "spotmagic"}>
      <Head desk={desk} />
      <Standing desk={desk} />
      {totals && <Wrong desk={desk} totals={totals} />}
      {totals && totals.mode !== "auto" && (
        <p class="bar" role="status">
          <strong>{totals.mode}</strong> {MODES[totals.mode]}
        </p>
      )}
      {totals ? !empty && <Overview desk={desk} totals={totals} /> : <div class="totals blank" aria-hidden="true" />}
      {empty ? <Empty /> : <Views desk={desk} />}
      <Notice desk={desk} />
    </section>
  );
}

function isEmpty({ hits, misses, statuses, counting, running }: Totals): boolean {
  return !hits && !misses && !statuses.length && !counting && !running.length;
}

function Head({ desk }: { desk: Desk }) {
  const totals = desk.totals.value;
  const fetching = desk.fetching.value;
  return (
    <header>
      <Spot />
      <h2>{totals && desk.spots.value[1] ? <SpotChoice name={totals.spot.name} names={desk.spots.value} /> : (totals?.spot.name ?? "spotmagic")}</h2>
      {totals && <code class="folder" title={totals.spot.folder}>{totals.spot.folder}</code>}
      <span class="grow" />
      {totals && (
        <span class="muted">
          Mode <ModeChoice desk={desk} name="" mode={totals.mode} />
        </span>
      )}
      <button
        class={`plain round ${fetching ? "turning" : ""}`}
        aria-label="Look again"
        title="Look again"
        onClick={desk.renew}
      >
        <Icon name="again" />
      </button>
      {totals && <Maintenance desk={desk} totals={totals} />}
    </header>
  );
}

function SpotChoice({ name, names }: { name: string; names: string[] }) {
  return (
    <select aria-label="Spot" value={name} onChange={(event) => location.assign(`/spot/${encodeURIComponent(event.currentTarget.value)}`)}>
      {names.map((one) => <option key={one} value={one}>{one}</option>)}
    </select>
  );
}

/** One line that says how the panel stands to its kernel, when there is something to say. */
function Standing({ desk }: { desk: Desk }) {
  const state = desk.link.state.value;
  const at = desk.totals.value?.at;
  const asOf = at ? ` The numbers are from ${ago(at, desk.now.value)}.` : "";
  const who = desk.alone ? "The server" : "The kernel";
  if (state === "busy") return <p class="bar" role="status">{who} is busy. This fills in when it answers.</p>;
  if (desk.counting.value || (desk.totals.value?.counting && state !== "gone")) {
    return <p class="bar" role="status">New results are being counted. The numbers follow.</p>;
  }
  if (state === "lost") return <p class="bar" role="status">{who} has not answered yet.{asOf}</p>;
  if (state !== "gone") return null;
  return (
    <p class="bar warn" role="status">
      {desk.alone ? "Not connected." : "Not connected to a kernel."}
      {asOf}{" "}
      {desk.alone ? "Start spotmagic ui again and open what it prints." : "Run the cell again to connect."}
    </p>
  );
}

function Views({ desk }: { desk: Desk }) {
  const current = VIEWS[desk.view.value] ? desk.view.value : "entries"; // an address may say anything
  const names = (desk.totals.value?.views ?? ["entries"]).filter((name) => name in VIEWS);
  if (!names.includes(current)) names.push(current); // the last limit may go while it is looked at
  const move = (event: TargetedKeyboardEvent<HTMLElement>) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const next = names[(names.indexOf(current) + step + names.length) % names.length];
    if (next) desk.show(next);
    event.currentTarget.querySelector<HTMLElement>(`[data-view="${next}"]`)?.focus();
  };
  return (
    <>
      {names.length > 1 && (
        <div class="tabs" role="tablist" aria-label="Views" onKeyDown={move}>
          {names.map((name) => (
            <button
              key={name}
              role="tab"
              id={`tab-${name}`}
              data-view={name}
              aria-selected={name === current}
              aria-controls="view"
              tabIndex={name === current ? 0 : -1}
              onClick={() => desk.show(name)}
            >
              {VIEWS[name]}
            </button>
          ))}
        </div>
      )}
      <div class="view" id="view" role="tabpanel" aria-labelledby={`tab-${current}`}>
        {current === "functions" && <FunctionsView desk={desk} />}
        {current === "runs" && <RunsView desk={desk} />}
        {current === "batches" && <BatchesView desk={desk} />}
        {current === "jobs" && <JobsView desk={desk} />}
        {current === "limits" && <LimitsView desk={desk} />}
        {current === "entries" && (desk.open.value ? <ResultView desk={desk} /> : <ResultsView desk={desk} />)}
      </div>
    </>
  );
}

function Empty() {
  return (
    <div class="empty">
      <p>Nothing is kept here yet.</p>
      <p class="muted">
        Put <code>%%spot</code> on the first line of a slow cell, or <code>@spot.mark</code> above a paid function, and
        run it. The second time it comes from here.
      </p>
    </div>
  );
}

function Notice({ desk }: { desk: Desk }) {
  const notice = desk.notice.value;
  return (
    <div class="notice" role={notice?.bad ? "alert" : "status"}>
      {notice && (
        <p class={`bar ${notice.bad ? "warn" : ""}`}>
          {notice.text}
          <span class="grow" />
          <button class="plain round" aria-label="Dismiss" onClick={() => (desk.notice.value = null)}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}
