// The table of entries: search, filter, sort, page, choose some and forget them.

import { Asks, Question, asksHere } from "./ask";
import { PAGE, type Desk } from "./desk";
import { Icon, KindTag, Named, Tag } from "./marks";
import { Waiting } from "./waiting";
import type { Page, Row } from "./wire";
import { ago, bytes, duration, entries, moment, money, number } from "./words";

const KINDS: Record<string, string> = { function: "functions", cell: "cells", http: "requests" };
export function EntriesView({ desk }: { desk: Desk }) {
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
  const { search, name, kind, status } = desk.query.value;
  const totals = desk.totals.value;
  const page = desk.page.value;
  const exports = desk.steerable && totals?.health.folder && page.state === "ready" && page.value.total && !desk.selected.value.size;
  return (
    <div class="toolbar" role="search">
      <label class="search">
        <Icon name="find" />
        <input type="search" placeholder="Search" aria-label="Search entries by name" value={search} onInput={(event) => desk.type(event.currentTarget.value)} />
      </label>
      {name && (
        <span class="chip">
          <code>{name}</code>
          <button class="plain" aria-label={`All names, not only ${name}`} onClick={() => desk.find({ name: "" })}>
            <Icon name="close" />
          </button>
        </span>
      )}
      <span class="grow" />
      {(totals?.kinds.length ?? 0) > 1 && (
        <select aria-label="Kind" value={kind} onChange={(event) => desk.find({ kind: event.currentTarget.value })}>
          <option value="">all kinds</option>
          {totals?.kinds.map((one) => <option key={one} value={one}>{KINDS[one] ?? one}</option>)}
        </select>
      )}
      <select aria-label="Status" value={status} onChange={(event) => desk.find({ status: event.currentTarget.value })}>
        {[...new Set(["live", ...(totals?.statuses ?? []), status || "live"])].map((one) => (
          <option key={one} value={one}>{one}</option>
        ))}
        <option value="all">any status</option>
      </select>
      {exports && <Asks desk={desk} what="export">Export all…</Asks>}
    </div>
  );
}

const COLUMNS: { field: string; label: string; class: string }[] = [
  { field: "name", label: "Name", class: "name" },
  { field: "size", label: "Size", class: "num size" },
  { field: "seconds", label: "Took", class: "num took" },
  { field: "price", label: "Cost", class: "num cost" },
  { field: "hits", label: "Hits", class: "num hits" },
  { field: "created", label: "Made", class: "num made" },
];

function Table({ desk, page }: { desk: Desk; page: Page }) {
  const chosen = desk.selected.value;
  const priced = page.rows.some((row) => row.price > 0);
  const columns = COLUMNS.filter((column) => column.field !== "price" || priced);
  const every = page.rows.every((row) => chosen.has(row.key));
  const some = page.rows.some((row) => chosen.has(row.key));
  const steerable = desk.steerable;
  return (
    <>
      <table class="rows" aria-label="Entries" aria-rowcount={page.total + 1} aria-busy={desk.fetching.value}>
        <thead>
          <tr aria-rowindex={1}>
            {steerable && (
              <th class="pick">
                <input
                  type="checkbox"
                  aria-label="Choose all on this page"
                  checked={every}
                  indeterminate={some && !every}
                  onChange={() => desk.select(page.rows, !every)}
                />
              </th>
            )}
            {columns.map((column) => [
              <Heading key={column.field} desk={desk} {...column} />,
              column.field === "name" && <th class="brief" scope="col">Holds</th>,
            ])}
          </tr>
        </thead>
        <tbody>
          {page.rows.map((row, index) => (
            <tr key={row.key} aria-rowindex={page.offset + index + 2} class={chosen.has(row.key) ? "chosen" : ""}>
              {steerable && (
                <td class="pick">
                  <input
                    type="checkbox"
                    aria-label={`Choose ${row.name}`}
                    checked={chosen.has(row.key)}
                    onChange={(event) => desk.select([row], event.currentTarget.checked)}
                  />
                </td>
              )}
              <td class="name">
                <Named name={row.name} id={row.key} open={() => desk.openEntry(row.key)}>
                  <Marks row={row} />
                </Named>
              </td>
              <td class="brief" title={row.brief}>{row.brief}</td>
              <td class="num size">{bytes(row.size)}</td>
              <td class="num took">{duration(row.seconds)}</td>
              {priced && <td class="num cost">{row.price ? money(row.price) : ""}</td>}
              <td class="num hits">{number(row.hits)}</td>
              <td class="num made" title={moment(row.created)}>{ago(row.created, desk.now.value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Pager desk={desk} page={page} />
    </>
  );
}

export function Marks({ row }: { row: Row }) {
  return (
    <>
      <KindTag kind={row.kind} />
      {row.version && <Tag>{row.version}</Tag>}
      {row.status !== "live" && <Tag tone="warn">{row.status}</Tag>}
      {row.shared && <Tag>from elsewhere</Tag>}
      {row.pinned && <Tag>pinned</Tag>}
    </>
  );
}

function Heading({ desk, field, label, class: name }: { desk: Desk; field: string; label: string; class: string }) {
  const order = desk.query.value.order;
  const down = order === `-${field}`;
  const up = order === field;
  const next = down ? field : up ? `-${field}` : field === "name" ? field : `-${field}`;
  return (
    <th class={name} scope="col" aria-sort={down ? "descending" : up ? "ascending" : "none"}>
      <button class="plain" onClick={() => desk.find({ order: next })}>
        {label}
        <span class={`arrow ${up || down ? "" : "idle"}`} aria-hidden="true">{up ? "↑" : "↓"}</span>
      </button>
    </th>
  );
}

function Pager({ desk, page }: { desk: Desk; page: Page }) {
  const last = Math.min(page.offset + page.rows.length, page.total);
  if (page.total <= PAGE) return <p class="pager muted">{entries(page.total)}</p>;
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
  const { search, name, kind, status } = desk.query.value;
  const filtered = !!(search || name || kind || status !== "live");
  return (
    <div class="empty">
      <p>{filtered ? "No entry fits." : "No live entry."}</p>
      {filtered && (
        <button onClick={() => desk.find({ search: "", name: "", kind: "", status: "live" })}>
          Show all live entries
        </button>
      )}
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
    <div class="bar chosen" role="region" aria-label="Chosen entries">
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
