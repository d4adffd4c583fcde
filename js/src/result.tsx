// One result: what it was asked with, what came out, its history, its code and how that changed.

import { Asks, Question, asksHere, focusSoon, takeFocus } from "./ask";
import { whole } from "./call";
import type { Desk } from "./desk";
import { Icon, Told, Verdict } from "./marks";
import { PreviewView } from "./preview";
import { Marks } from "./results";
import { why } from "./runs";
import { Waiting } from "./waiting";
import type { DiffLine, Entry, PartRow } from "./wire";
import { ago, bytes, counted, cut, duration, moment, money, number } from "./words";

export function ResultView({ desk }: { desk: Desk }) {
  const loaded = desk.entry.value;
  const fresh = loaded.state !== "ready" || loaded.value.row.key === desk.open.value ? loaded : { state: "loading" as const };
  const close = (event: { currentTarget: Element }) => {
    focusSoon(event.currentTarget, `[data-key="${desk.open.value}"]`);
    desk.back();
  };
  return (
    <div class="entry" onKeyDown={(event) => event.key === "Escape" && close(event)}>
      <button class="plain back" ref={takeFocus} onClick={close}>
        <Icon name="back" /> Results
      </button>
      <Waiting of={fresh} lines={8} retry={() => desk.open.value && desk.openEntry(desk.open.value)}>
        {(entry) => <Detail desk={desk} entry={entry} />}
      </Waiting>
    </div>
  );
}

function Detail({ desk, entry }: { desk: Desk; entry: Entry }) {
  const { row } = entry;
  const drift = entry.drift.length > 0;
  return (
    <>
      <div class="title">
        <h3 title={whole(row)}>{cut(row.call, 300) || "unnamed"}</h3>
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
          Made by older code or inputs.
          {drift && <button class="plain link" onClick={(event) => focusSoon(event.currentTarget, "#difference summary")}>See the difference</button>}
          {desk.steerable && <button onClick={() => void desk.accept(row)}>Accept</button>}
        </p>
      )}
      <div class="halves">
        <div class="main">
          <Arguments entry={entry} />
          <Parts desk={desk} parts={entry.parts} />
          {drift && <Diff id="difference" lines={entry.drift} title="How the code differs from what it was last asked with" />}
          {entry.diff && <Diff lines={entry.diff.lines} title={`What changed in the code since the result made ${ago(entry.diff.than, desk.now.value)}`} />}
          {entry.source && <Source text={entry.source} open={!entry.parts.length} />}
        </div>
        <div class="side">
          <Facts desk={desk} entry={entry} />
          <History desk={desk} entry={entry} />
          <Inputs entry={entry} />
        </div>
      </div>
    </>
  );
}

function Parts({ desk, parts }: { desk: Desk; parts: PartRow[] }) {
  const current = desk.part.value;
  const part = parts.find((one) => one.name === current);
  if (!parts.length) return null;
  return (
    <section aria-label="Preview">
      <h4>
        Result {part && parts.length === 1 && part.type !== "value" && <span class="muted">{part.type}</span>}
      </h4>
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
          {(shown) => <PreviewView key={`${desk.open.value} ${current}`} {...shown} more={() => desk.showPart(current, true)} />}
        </Waiting>
      </div>
      {desk.steerable && desk.totals.value?.loads && part && <Load key={`${desk.open.value} ${current}`} desk={desk} part={part} />}
    </section>
  );
}

function Load({ desk, part }: { desk: Desk; part: PartRow }) {
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
        <input name="name" aria-label="Variable to load into" defaultValue={part.free} spellcheck={false} />
      </span>
    </form>
  );
}

function Facts({ desk, entry: { row } }: { desk: Desk; entry: Entry }) {
  const now = desk.now.value;
  return (
    <dl class="facts" aria-label="Facts">
      {row.model && (
        <>
          <dt>Model</dt>
          <dd class="model">{row.model}</dd>
        </>
      )}
      {row.tokens !== null && (
        <>
          <dt>Tokens</dt>
          <dd>{number(row.tokens)}</dd>
        </>
      )}
      <dt>Made</dt>
      <dd title={moment(row.created)}>{ago(row.created, now)}</dd>
      <dt>Last used</dt>
      <dd title={row.last ? moment(row.last) : ""}>{row.last ? ago(row.last, now) : "never"}</dd>
      <dt>Run time</dt>
      <dd>{duration(row.seconds)}</dd>
      {row.price > 0 && (
        <>
          <dt>Cost</dt>
          <dd>{money(row.price)}</dd>
        </>
      )}
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
      <dd><code class="digest">{row.key}</code></dd>
    </dl>
  );
}

function History({ desk, entry: { runs } }: { desk: Desk; entry: Entry }) {
  if (!runs.length) return null;
  return (
    <section aria-label="History">
      <h4>History</h4>
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

/** What it was asked with; of a cell what it read. */
function Arguments({ entry: { row } }: { entry: Entry }) {
  if (!row.arguments.length) return null;
  const label = row.kind === "cell" ? "Read" : "Arguments";
  return (
    <section>
      <h4>{label}</h4>
      <table class="arguments" aria-label={label}>
        <tbody>
          {row.arguments.map(([name, text]) => (
            <tr key={name}>
              <th scope="row"><code>{name}</code></th>
              <td><code>{text}</code></td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What else it depends on. The code that it reaches is many names, and seldom what is looked for. */
function Inputs({ entry: { inputs, remarks, row } }: { entry: Entry }) {
  const shown = new Set(row.arguments.map(([name]) => name.replace(/=$/, "")));
  const code = inputs.filter(({ name }) => /^(helper|class|module) /.test(name));
  const rest = inputs.filter((input) => !code.includes(input) && !shown.has(input.name));
  if (!code.length && !rest.length && !remarks.length) return null;
  return (
    <section aria-label="Depends on">
      <h4>Depends on</h4>
      {rest.length > 0 && <Prints of={rest} />}
      {remarks.map((text) => <p key={text} class="muted">{text}</p>)}
      {code.length > 0 && (
        <details class="source">
          <summary>{counted(code.length, "piece")} of code</summary>
          <Prints of={code} />
        </details>
      )}
    </section>
  );
}

function Prints({ of }: { of: Entry["inputs"] }) {
  return (
    <ul class="inputs">
      {of.map(({ name, fingerprint }) => (
        <li key={name}>
          <code>{name}</code>
          <code class="muted" title="fingerprint">{fingerprint.slice(0, 8)}</code>
        </li>
      ))}
    </ul>
  );
}

function Source({ text, open }: { text: string; open: boolean }) {
  return (
    <details class="source" open={open}>
      <summary>Code</summary>
      <pre>{text}</pre>
    </details>
  );
}

const MEANING = { "+": "added", "-": "removed", " ": "", "~": "" };
const LOOKS = { "+": "added", "-": "removed", "~": "gap", " ": "" };

function Diff({ id, lines, title }: { id?: string; lines: DiffLine[]; title: string }) {
  return (
    <details class="source" id={id} open>
      <summary>{title}</summary>
      <pre class="diff">
        {lines.map((line, index) => (
          <span key={index} class={LOOKS[line.op]}>
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
