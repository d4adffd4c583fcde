// The batches: how far each is, what may be asked of it, and which inputs failed.

import type { Desk } from "./desk";
import { Bar, Tag } from "./marks";
import { Waiting } from "./waiting";
import type { BatchRow } from "./wire";
import { ago, count, moment } from "./words";

const WORDS: Record<string, string> = { pause: "Pause", resume: "Resume", stop: "Stop", retry: "Retry failed" };

export function BatchesView({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.lists.batches.value} lines={3} retry={desk.renew}>
      {(rows) =>
        rows.length ? (
          <ul class="limits batches">{rows.map((row) => <Batch key={row.id} desk={desk} row={row} />)}</ul>
        ) : (
          <div class="empty"><p>No batch has been run yet.</p></div>
        )
      }
    </Waiting>
  );
}

function Batch({ desk, row }: { desk: Desk; row: BatchRow }) {
  const open = desk.lists.batch.value === row.id;
  const bad = row.failed > 0 || !["running", "paused", "done"].includes(row.status);
  return (
    <li>
      <h3>
        {row.name}
        <span class="muted" title={moment(row.started)}>{ago(row.started, desk.now.value)}</span>
        <Tag tone={bad ? "warn" : ""}>{row.status}</Tag>
      </h3>
      {row.total !== null && <Bar label={row.name} done={row.done} total={row.total} text={row.text} bad={bad} />}
      <p class="muted">{row.text}</p>
      <p class="actions">
        {row.words.map((word) => (
          <button key={word} disabled={!desk.steerable} onClick={() => void desk.lists.steer("ask_batch", { id: row.id, word })}>{WORDS[word]}</button>
        ))}
        {row.failed > 0 && (
          <button aria-expanded={open} onClick={() => desk.lists.showFailed(open ? "" : row.id)}>
            {open ? "Hide what failed" : `Show ${count(row.failed, "failed input")}`}
          </button>
        )}
      </p>
      {open && <FailedInputs desk={desk} />}
    </li>
  );
}

function FailedInputs({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.lists.failed.value} lines={3}>
      {({ rows, total }) => (
        <>
          {rows.map((one, place) => (
            <details key={place}>
              <summary>
                <code>{one.shown}</code> {one.kind}: {one.message}
                <span class="muted"> {one.attempts ? count(one.attempts, "attempt") : "not run again"}</span>
              </summary>
              <pre class="scroll" role="region" aria-label="Traceback" tabIndex={0}>{one.traceback}</pre>
            </details>
          ))}
          {total > rows.length && <p class="muted">{`The first ${rows.length} of ${total}.`}</p>}
        </>
      )}
    </Waiting>
  );
}
