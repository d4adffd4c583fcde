// The table of results: search, filter, sort, page, choose some and forget them.

import type { ComponentChildren } from "preact";
import { Asks, Question, asksHere } from "./ask";
import { brief, shared, whole, type Shared } from "./call";
import { PAGE, START, type Desk } from "./desk";
import { Icon, KindTag, Named, Tag, Told } from "./marks";
import { Waiting } from "./waiting";
import type { Facet, Page, Row } from "./wire";
import { STATUS, ago, bytes, cut, duration, moment, money, number, results } from "./words";

export function ResultsView({ desk }: { desk: Desk }) {
  return (
    <>
      <Toolbar desk={desk} />
      <Chosen desk={desk} />
      <Waiting of={desk.page.value} lines={6} retry={desk.renew}>
        {(page) => (page.rows.length ? <Table desk={desk} page={page} /> : <NoRows desk={desk} />)}
      </Waiting>
    </>
  );
}

function Toolbar({ desk }: { desk: Desk }) {
  return (
    <div class="toolbar" role="search">
      <label class="search">
        <Icon name="find" />
        <input type="search" placeholder="Search" aria-label="Search names, arguments, results and keys" value={desk.query.value.search} onInput={(event) => desk.type(event.currentTarget.value)} />
      </label>
      {FACETS.map((facet) => <Choice key={facet} desk={desk} facet={facet} />)}
    </div>
  );
}

const FACETS: Facet[] = ["name", "kind", "status", "model", "tag"];
const SAID: Partial<Record<Facet, Record<string, string>>> = {
  kind: { function: "functions", cell: "cells", http: "requests" },
  status: STATUS,
};

/** One filter: its values, each with how many results have it. There is one word for no filter, which is "any". */
function Choice({ desk, facet }: { desk: Desk; facet: Facet }) {
  const value = desk.query.value[facet];
  const any = facet === "status" ? "all" : "";
  const found = (desk.facets.value[facet] ?? []).filter(([one]) => one !== any);
  const usual = START[facet];
  if (value === usual && found.length < (facet === "tag" ? 1 : 2)) return null;
  const known = value === any || found.some(([one]) => one === value) ? found : [[value, 0] as [string, number], ...found];
  return (
    <select
      class={value === usual ? "" : "set"}
      aria-label={facet[0]?.toUpperCase() + facet.slice(1)}
      value={value}
      onChange={(event) => desk.find({ [facet]: event.currentTarget.value })}
    >
      <option value={any}>any {facet}</option>
      {known.map(([one, count]) => (
        <option key={one} value={one}>{`${SAID[facet]?.[one] ?? cut(one, 40)} (${number(count)})`}</option>
      ))}
    </select>
  );
}

interface Column {
  field: string;
  label: string;
  class: string;
  /** Which rows have something in it; without one of them it is left out. */
  some?: (row: Row) => boolean;
}

const COLUMNS: Column[] = [
  { field: "name", label: "Call", class: "name" },
  { field: "type", label: "Result", class: "brief" },
  { field: "model", label: "Model", class: "model", some: (row) => !!row.model },
  { field: "tokens", label: "Tokens", class: "num tokens", some: (row) => row.tokens !== null },
  { field: "size", label: "Size", class: "num size" },
  { field: "seconds", label: "Run time", class: "num took" },
  { field: "price", label: "Cost", class: "num cost", some: (row) => row.price > 0 },
  { field: "hits", label: "Hits", class: "num hits" },
  { field: "last", label: "Last used", class: "num last" },
  { field: "created", label: "Made", class: "num made" },
];

const CLASSES = Object.fromEntries(COLUMNS.map((column) => [column.field, column.class]));

// Where a row takes two lines its cells are laid out anew, which would take their roles away: they are said.
function Table({ desk, page }: { desk: Desk; page: Page }) {
  const chosen = desk.selected.value;
  const columns = COLUMNS.filter(({ some }) => !some || page.rows.some(some));
  const has = new Set([...columns.map((column) => column.field), ...(desk.steerable ? ["pick", "act"] : [])]);
  const rows = page.rows.filter((row) => row.key);
  const every = rows.length > 0 && rows.every((row) => chosen.has(row.key));
  const some = rows.some((row) => chosen.has(row.key));
  const common = shared(page.rows);
  return (
    <>
      {common.name && (
        <p class="common muted">
          All of these: <code>{cut(`${common.name}(${common.text ? `…, ${common.text}` : "…"})`)}</code>
        </p>
      )}
      <table role="table" class="rows results" aria-label="Results" aria-rowcount={page.total + 1} aria-busy={desk.fetching.value}>
        <thead role="rowgroup">
          <tr role="row" aria-rowindex={1}>
            {desk.steerable && (
              <th role="columnheader" class="pick">
                <input
                  type="checkbox"
                  aria-label="Choose all on this page"
                  checked={every}
                  indeterminate={some && !every}
                  onChange={() => desk.select(rows, !every)}
                />
              </th>
            )}
            {columns.map((column) => <Heading key={column.field} desk={desk} {...column} />)}
            {desk.steerable && <th role="columnheader" class="act"><span class="unseen">Forget</span></th>}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {page.rows.map((row, index) => (
            <Line key={row.key || row.name} desk={desk} page={page} row={row} index={index} has={has} common={common} />
          ))}
        </tbody>
      </table>
      <Pager desk={desk} page={page} />
    </>
  );
}

function Line({ desk, page, row, index, has, common }: {
  desk: Desk;
  page: Page;
  row: Row;
  index: number;
  has: ReadonlySet<string>;
  common: Shared;
}) {
  const on = desk.selected.value.has(row.key);
  const now = desk.now.value;
  const { key, last, tokens, created } = row;
  const cell = (name: string, shown: ComponentChildren, label?: string, title?: string) =>
    has.has(name) && <td role="cell" class={CLASSES[name] ?? name} data-label={label} title={title}>{shown}</td>;
  return (
    <tr role="row" aria-rowindex={page.offset + index + 2} class={on ? "chosen" : ""}>
      {cell("pick", key && (
        <input
          type="checkbox"
          aria-label={`Choose ${cut(row.call)}`}
          checked={on}
          onClick={(event) => desk.pick(page.rows, index, event.currentTarget.checked, event.shiftKey)}
        />
      ))}
      {cell("name", (
        <Named name={brief(row, common)} title={whole(row)} id={key} open={key ? () => desk.openEntry(key) : undefined}>
          <Marks row={row} />
        </Named>
      ))}
      {cell("type", <Came row={row} />, undefined, [row.type, row.result].filter(Boolean).join("\n"))}
      {cell("model", row.model, undefined, row.model)}
      {cell("tokens", tokens !== null && number(tokens), "tokens")}
      {cell("size", key && bytes(row.size))}
      {cell("seconds", duration(row.seconds))}
      {cell("price", row.price > 0 && money(row.price))}
      {cell("hits", number(row.hits), key ? "hits" : "runs")}
      {cell("last", last === null ? "never" : <Age at={last} now={now} />, "used", last === null ? "" : moment(last))}
      {cell("created", <Age at={created} now={now} />, "made", moment(created))}
      {cell("act", key && (
        <button class="plain round" data-ask="forget" aria-label={`Forget ${cut(row.call)}…`} title="Forget…" onClick={() => (desk.asking.value = { what: "forget", rows: [row] })}>
          <Icon name="bin" />
        </button>
      ))}
    </tr>
  );
}

/** How long ago; where there is little room the last word is left out. */
function Age({ at, now }: { at: number; now: number }) {
  const [passed, rest] = ago(at, now).split(" ago");
  return <>{passed}{rest !== undefined && <span class="ago"> ago</span>}</>;
}

/** What came out: a small picture where there is one, its beginning, its type and shape. */
function Came({ row }: { row: Row }) {
  const telling = row.type && !["str", "int", "float", "bool", "NoneType"].includes(row.type);
  return (
    <div class="came">
      {row.thumb && <img class="thumb" src={`data:image/png;base64,${row.thumb}`} alt="" />}
      {row.result && <span class="line">{row.status === "never kept" ? <Told text={row.result} /> : row.result.replace(MARKUP, "$1")}</span>}
      {telling && <span class="type">{row.type}</span>}
    </div>
  );
}

/** What Markdown marks with: in one line it is in the way. */
const MARKUP = /(^|\s)#{1,6} |\*\*|`/g;

export function Marks({ row }: { row: Row }) {
  const status = STATUS[row.status] ?? row.status;
  return (
    <>
      <KindTag kind={row.kind} />
      {row.version && <Tag>{row.version}</Tag>}
      {row.status !== "live" && <Tag tone="warn">{status}</Tag>}
      {row.damage && row.status !== "corrupt" && <Tag tone="warn">damaged</Tag>}
      {row.drifted && <Tag tone="warn">drifted</Tag>}
      {row.shared && <Tag>from elsewhere</Tag>}
      {row.pinned && <Tag>pinned</Tag>}
    </>
  );
}

function Heading({ desk, field, label, class: name }: { desk: Desk; field: string; label: string; class: string }) {
  const order = desk.query.value.order;
  const down = order === `-${field}`;
  const up = order === field;
  const texts = ["name", "type", "model"].includes(field);
  const next = down ? field : up ? `-${field}` : texts ? field : `-${field}`;
  return (
    <th role="columnheader" class={name} scope="col" aria-sort={down ? "descending" : up ? "ascending" : "none"}>
      <button class="plain" onClick={() => desk.find({ order: next })}>
        {label}
        <span class={`arrow ${up || down ? "" : "idle"}`} aria-hidden="true">{up ? "↑" : "↓"}</span>
      </button>
    </th>
  );
}

function Pager({ desk, page }: { desk: Desk; page: Page }) {
  const last = page.offset + page.rows.length;
  if (page.total <= PAGE && page.offset === 0) return <p class="pager muted">{results(page.total)}</p>;
  return (
    <nav class="pager" aria-label="Pages">
      <span class="muted">
        {number(page.offset + 1)}–{number(last)} of {number(page.total)}
      </span>
      <span class="grow" />
      <button disabled={page.offset === 0} onClick={() => desk.find({ offset: Math.max(0, page.offset - PAGE) })}>
        <Icon name="back" /> Previous
      </button>
      <button disabled={last >= page.total} onClick={() => desk.find({ offset: page.offset + PAGE })}>
        Next <Icon name="next" />
      </button>
    </nav>
  );
}

function NoRows({ desk }: { desk: Desk }) {
  const query = desk.query.value;
  const filtered = FACETS.some((facet) => query[facet] !== START[facet]) || !!query.search;
  return (
    <div class="empty">
      <p>{filtered ? "No result fits." : "No current result."}</p>
      {filtered && <button onClick={() => desk.find({ ...START, order: query.order })}>Show all current results</button>}
    </div>
  );
}

/** What can be done with the chosen rows. */
function Chosen({ desk }: { desk: Desk }) {
  const rows = [...desk.selected.value.values()];
  if (asksHere(desk)) return <Question desk={desk} />;
  if (!rows.length) return null;
  const pinned = rows.every((row) => row.pinned);
  return (
    <div class="bar chosen" role="region" aria-label="Chosen results">
      <span>{number(rows.length)} chosen</span>
      <span class="grow" />
      <button onClick={() => void desk.pin(rows, !pinned)}>{pinned ? "Unpin" : "Pin"}</button>
      <Asks desk={desk} what="export" rows={rows}>Export…</Asks>
      <Asks desk={desk} what="forget" rows={rows}>Forget…</Asks>
      <button class="plain round" aria-label="Choose none" onClick={() => desk.select(rows, false)}>
        <Icon name="close" />
      </button>
    </div>
  );
}
