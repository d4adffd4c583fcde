// What goes on for long: batches and the jobs in the background. How far each is, what may be asked of it, what failed.

import type { ComponentChildren } from "preact";
import type { Desk } from "./desk";
import { Bar, Tag } from "./marks";
import { Listed, Waiting } from "./waiting";
import type { BatchRow, JobRow } from "./wire";
import { ago, counted, moment } from "./words";

const WORDS: Record<string, string> = { pause: "Pause", resume: "Resume", stop: "Stop", retry: "Retry failed" };

export function BatchesView({ desk }: { desk: Desk }) {
  return (
    <Listed of={desk.batches.value} retry={desk.renew} none="No batch has been run yet.">
      {(row) => <Batch key={row.id} desk={desk} row={row} />}
    </Listed>
  );
}

export function JobsView({ desk }: { desk: Desk }) {
  return (
    <Listed of={desk.jobs.value} retry={desk.renew} none="No job has been submitted yet.">
      {(row) => <Job key={row.id} desk={desk} row={row} />}
    </Listed>
  );
}

/** One of either: its name, since when, how it stands, how far it is. */
function Task({ desk, row, since, done, bad, actions, children }: {
  desk: Desk;
  row: BatchRow | JobRow;
  since: number;
  done: number;
  bad: boolean;
  actions: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <li>
      <h3>
        {row.name}
        {since > 0 && <span class="muted" title={moment(since)}>{ago(since, desk.now.value)}</span>}
        <Tag tone={bad ? "warn" : ""}>{row.status}</Tag>
      </h3>
      {row.total !== null && <Bar label={row.name} done={done} total={row.total} text={row.text} bad={bad} />}
      <p class="muted">{row.text}</p>
      <p class="actions">{actions}</p>
      {children}
    </li>
  );
}

function Batch({ desk, row }: { desk: Desk; row: BatchRow }) {
  const open = desk.batch.value === row.id;
  const bad = row.failed > 0 || !["running", "paused", "done"].includes(row.status);
  const actions = [
    ...row.words.map((word) => (
      <button key={word} disabled={!desk.steerable} onClick={() => void desk.steer("ask_batch", { id: row.id, word })}>{WORDS[word]}</button>
    )),
    row.failed > 0 && (
      <button aria-expanded={open} onClick={() => desk.showFailed(open ? "" : row.id)}>
        {open ? "Hide what failed" : `Show ${counted(row.failed, "failed input")}`}
      </button>
    ),
  ];
  return (
    <Task desk={desk} row={row} since={row.started} done={row.done} bad={bad} actions={actions}>
      {open && <FailedInputs desk={desk} />}
    </Task>
  );
}

function Job({ desk, row }: { desk: Desk; row: JobRow }) {
  const bad = row.status === "failed" || row.status === "cancelled";
  const stop = (label: string, title: string, force: boolean) => (
    <button disabled={!desk.steerable} title={title} onClick={() => void desk.steer("cancel_job", { id: row.id, force })}>{label}</button>
  );
  const actions = row.stoppable && [
    stop("Cancel", "It stops where it next tells its progress", false),
    stop("Stop at once", "It stops wherever it is", true),
  ];
  return (
    <Task desk={desk} row={row} since={row.submitted} done={row.done ?? 0} bad={bad} actions={actions}>
      {row.error && <Fault said={row.error} traceback={row.traceback} />}
    </Task>
  );
}

/** What went wrong in a line, and its traceback behind it. */
function Fault({ said, traceback }: { said: ComponentChildren; traceback: string }) {
  return (
    <details>
      <summary>{said}</summary>
      <pre class="scroll" role="region" aria-label="Traceback" tabIndex={0}>{traceback || "There is no traceback."}</pre>
    </details>
  );
}

function FailedInputs({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.failed.value} lines={3}>
      {({ rows, total }) => (
        <>
          {rows.map((one, place) => (
            <Fault
              key={place}
              said={<><code>{one.shown}</code> {one.kind}: {one.message}<span class="muted"> {one.attempts ? counted(one.attempts, "attempt") : "not run again"}</span></>}
              traceback={one.traceback}
            />
          ))}
          {total > rows.length && <p class="muted">{`The first ${rows.length} of ${total}.`}</p>}
        </>
      )}
    </Waiting>
  );
}
