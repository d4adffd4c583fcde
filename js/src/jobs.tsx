// The jobs: how far each call in the background is, how it is stopped, and why one failed.

import type { Desk } from "./desk";
import { Bar, Tag } from "./marks";
import { Waiting } from "./waiting";
import type { JobRow } from "./wire";
import { ago, moment } from "./words";

export function JobsView({ desk }: { desk: Desk }) {
  return (
    <Waiting of={desk.lists.jobs.value} lines={3} retry={desk.renew}>
      {(rows) =>
        rows.length ? (
          <ul class="limits batches">{rows.map((row) => <Job key={row.id} desk={desk} row={row} />)}</ul>
        ) : (
          <div class="empty"><p>No job has been submitted yet.</p></div>
        )
      }
    </Waiting>
  );
}

function Job({ desk, row }: { desk: Desk; row: JobRow }) {
  const bad = row.status === "failed" || row.status === "cancelled";
  const stop = (force: boolean) => void desk.lists.steer("cancel_job", { id: row.id, force });
  return (
    <li>
      <h3>
        {row.name}
        {row.submitted > 0 && <span class="muted" title={moment(row.submitted)}>{ago(row.submitted, desk.now.value)}</span>}
        <Tag tone={bad ? "warn" : ""}>{row.status}</Tag>
      </h3>
      {row.total !== null && <Bar label={row.name} done={row.done ?? 0} total={row.total} text={row.text} bad={bad} />}
      <p class="muted">{row.text}</p>
      {row.stoppable && (
        <p class="actions">
          <button disabled={!desk.steerable} title="It stops where it next tells its progress" onClick={() => stop(false)}>Cancel</button>
          <button disabled={!desk.steerable} title="It stops wherever it is" onClick={() => stop(true)}>Stop at once</button>
        </p>
      )}
      {row.error && (
        <details>
          <summary>{row.error}</summary>
          <pre class="scroll" role="region" aria-label="Traceback" tabIndex={0}>{row.traceback || "There is no traceback."}</pre>
        </details>
      )}
    </li>
  );
}
