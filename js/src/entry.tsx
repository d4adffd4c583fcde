// One entry: what it holds, what made it, and what came of its calls.

import { Asks, Question, asksHere, focusSoon, takeFocus } from "./ask";
import type { Desk } from "./desk";
import { Marks } from "./entries";
import { Icon, Told, Verdict } from "./marks";
import { PreviewView } from "./preview";
import { why } from "./runs";
import { Waiting } from "./waiting";
import type { Entry, PartRow } from "./wire";
import { ago, bytes, duration, moment, money, number } from "./words";

export function EntryView({ desk }: { desk: Desk }) {
  const loaded = desk.entry.value;
  const fresh = loaded.state !== "ready" || loaded.value.row.key === desk.open.value ? loaded : { state: "loading" as const };
  const close = (event: { currentTarget: Element }) => {
    focusSoon(event.currentTarget, `[data-key="${desk.open.value}"]`);
    desk.back();
  };
  return (
    <div class="entry" onKeyDown={(event) => event.key === "Escape" && close(event)}>
      <button class="plain back" ref={takeFocus} onClick={close}>
        <Icon name="back" /> Entries
      </button>
      <Waiting of={fresh} lines={8} retry={() => desk.open.value && desk.openEntry(desk.open.value)}>
        {(entry) => <Detail desk={desk} entry={entry} />}
      </Waiting>
    </div>
  );
}

function Detail({ desk, entry }: { desk: Desk; entry: Entry }) {
  const { row } = entry;
  return (
    <>
      <div class="title">
        <h3>{row.name || "unnamed"}</h3>
        <Marks row={row} />
        <span class="grow" />
        {desk.steerable && !asksHere(desk) && (
          <>
            <button onClick={() => void desk.pin([row], !row.pinned)}>{row.pinned ? "Unpin" : "Pin"}</button>
            <Asks desk={desk} what="forget" rows={[row]}>Forget…</Asks>
          </>
        )}
      </div>
      {asksHere(desk) && <Question desk={desk} />}
      {entry.missing && <p class="bar warn" role="status">{entry.missing}</p>}
      {entry.drifted && (
        <p class="bar warn">
          Drifted: it was made by other code or inputs than it was last asked with.
          {desk.steerable && <button onClick={() => void desk.accept(row)}>Accept</button>}
        </p>
      )}
      <div class="columns">
        <div class="main">
          <Parts desk={desk} parts={entry.parts} />
          {entry.diff && <Diff diff={entry.diff} now={desk.now.value} />}
          {!entry.diff && entry.source && <Source text={entry.source} />}
        </div>
        <div class="side">
          <Facts desk={desk} entry={entry} />
          <Runs desk={desk} entry={entry} />
          <Inputs entry={entry} />
        </div>
      </div>
    </>
  );
}

function Parts({ desk, parts }: { desk: Desk; parts: PartRow[] }) {
  const current = desk.part.value;
  if (!parts.length) return null;
  return (
    <section aria-label="Preview">
      {parts.length > 1 && (
        <div class="parts" role="group" aria-label="Parts">
          {parts.map((part) => (
            <button
              key={part.name}
             
              class="chip"
              aria-pressed={part.name === current}
              title={`${part.type}, ${bytes(part.size)}`}
              onClick={() => desk.showPart(part.name)}
            >
              {part.label}
            </button>
          ))}
        </div>
      )}
      <div class="preview">
        <Waiting of={desk.preview.value} lines={3} retry={() => desk.showPart(current)}>
          {(shown) => <PreviewView key={`${desk.open.value} ${current}`} shown={shown} more={() => desk.showPart(current, true)} />}
        </Waiting>
      </div>
      {desk.steerable && desk.totals.value?.loads && <Load desk={desk} />}
    </section>
  );
}

function Load({ desk }: { desk: Desk }) {
  return (
    <form
      class="load"
      onSubmit={(event) => {
        event.preventDefault();
        void desk.load(String(new FormData(event.currentTarget).get("name")));
      }}
    >
      <button>Load into</button>
      <span class="search">
        <input name="name" aria-label="Variable to load into" defaultValue="value" spellcheck={false} />
      </span>
    </form>
  );
}

function Facts({ desk, entry: { row } }: { desk: Desk; entry: Entry }) {
  const now = desk.now.value;
  return (
    <dl class="facts" aria-label="Facts">
      <dt>Made</dt>
      <dd title={moment(row.created)}>{ago(row.created, now)}</dd>
      <dt>Took</dt>
      <dd>{duration(row.seconds)}{row.price > 0 && `, ${money(row.price)}`}</dd>
      <dt>Hits</dt>
      <dd>
        {number(row.hits)}
        {row.hits > 0 && <span class="muted"> saved {duration(row.hits * row.seconds)}{row.price > 0 && `, ${money(row.hits * row.price)}`}</span>}
      </dd>
      <dt>Size</dt>
      <dd>{bytes(row.size)}</dd>
      {row.expires !== null && (
        <>
          <dt>{row.expires > now ? "Expires" : "Expired"}</dt>
          <dd>{moment(row.expires)}</dd>
        </>
      )}
      <dt>Key</dt>
      <dd><code class="key">{row.key}</code></dd>
    </dl>
  );
}

function Runs({ desk, entry: { runs } }: { desk: Desk; entry: Entry }) {
  if (!runs.length) return null;
  return (
    <section>
      <h4>What came of its calls</h4>
      <ol class="history">
        {runs.map((run) => (
          <li key={`${run.started} ${run.verdict}`}>
            <Verdict verdict={run.verdict} error={run.error} />
            <span class="why"><Told text={why(run)} /></span>
            <span class="muted when" title={moment(run.started)}>{ago(run.started, desk.now.value)}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Inputs({ entry: { inputs } }: { entry: Entry }) {
  if (!inputs.length) return null;
  return (
    <section>
      <h4>Depends on</h4>
      <ul class="inputs">
        {inputs.map((input) => (
          <li key={input.name}>
            <code>{input.name}</code>
            <code class="muted" title="fingerprint">{input.fingerprint.slice(0, 8)}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Source({ text }: { text: string }) {
  return (
    <details class="source">
      <summary>Code</summary>
      <pre>{text}</pre>
    </details>
  );
}

const MEANING = { "+": "added", "-": "removed", " ": "", "~": "" };

function Diff({ diff, now }: { diff: NonNullable<Entry["diff"]>; now: number }) {
  return (
    <details class="source" open>
      <summary>What changed in the code since the result made {ago(diff.than, now)}</summary>
      <pre class="diff">
        {diff.lines.map((line, index) => (
          <span key={index} class={line.op === "+" ? "added" : line.op === "-" ? "removed" : line.op === "~" ? "gap" : ""}>
            <span class="unseen">{MEANING[line.op]} </span>
            <span aria-hidden="true">{line.op === "~" ? " " : line.op} </span>
            {line.op === "~" ? "…" : line.text}
            {"\n"}
          </span>
        ))}
      </pre>
    </details>
  );
}
