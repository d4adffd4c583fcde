// The first thing a reader sees: what is wrong, what runs, what was saved and paid and when, what is kept.

import { Question, focusSoon } from "./ask";
import { Columns, stepName } from "./charts";
import type { Desk } from "./desk";
import { Icon, Told } from "./marks";
import type { Span, Totals, Unkept } from "./wire";
import { ago, bytes, counted, duration, moment, money, number, percent } from "./words";

const SPANS: [Span, string][] = [["day", "24 h"], ["week", "7 days"], ["all", "All"]];
const SHOWN = 3;

export function Overview({ desk, totals }: { desk: Desk; totals: Totals }) {
  return (
    <>
      <RunningNow desk={desk} totals={totals} />
      <Numbers totals={totals} />
      <SpendingChart desk={desk} totals={totals} />
    </>
  );
}

/** What is wrong, or is paid for again and again. Nothing is said while all is fine. */
export function Wrong({ desk, totals: { health, unkept } }: { desk: Desk; totals: Totals }) {
  const { trouble, notes, checking, checked } = health;
  const checkedNow = checked && desk.now.value - checked.at < 120;
  const said = [...notes, checking ? "All results are being checked." : checkedNow ? when(checked, desk) : ""].filter(Boolean);
  return (
    <section aria-label="Health">
      <div role="status">
        {trouble.map((one) => <p class="bar warn" key={one}>{one}</p>)}
        {unkept.slice(0, SHOWN).map((one) => (
          <p class="bar warn" key={one.name}>
            <span><Told text={complaint(one)} /></span>
            <span class="muted">{counted(one.runs, "run")}{one.paid > 0 && `, ${money(one.paid)}`}</span>
          </p>
        ))}
        {said.map((one) => <p class="note muted" key={one}>{one}</p>)}
      </div>
      {desk.asking.value?.what === "rebuild" && <Question desk={desk} />}
    </section>
  );
}

function when({ at, text }: { at: number; text: string }, desk: Desk): string {
  return `${text}, ${ago(at, desk.now.value)}.`;
}

function complaint({ name, never, why }: Unkept): string {
  return `\`${name.replaceAll("`", "'")}\` is ${never ? "never kept" : "not kept any more"}: ${why}`;
}

function RunningNow({ desk, totals: { running } }: { desk: Desk; totals: Totals }) {
  if (!running.length) return null;
  return (
    <ul class="running" aria-label="Running now">
      {running.slice(0, SHOWN).map((one) => (
        <li key={`${one.name} ${one.since}`}>
          <span class="spinner" aria-hidden="true" />
          <code>{one.name || "unnamed"}</code>
          <span>is running, for {duration(Math.max(0, Math.floor(desk.now.value - one.since)))}</span>
          <span class="muted">since {moment(one.since).slice(11, 16)}</span>
        </li>
      ))}
      {running.length > SHOWN && <li class="muted">and {number(running.length - SHOWN)} more</li>}
    </ul>
  );
}

function Numbers({ totals }: { totals: Totals }) {
  const calls = totals.hits + totals.misses;
  const priced = totals.price_saved > 0 || totals.price_paid > 0;
  return (
    <dl class="totals" aria-label="Totals">
      <div class="saved">
        <dt>Saved</dt>
        <dd class="big">{priced ? money(totals.price_saved) : duration(totals.seconds_saved)}</dd>
        <dd class="small">{priced && `and ${duration(totals.seconds_saved)} `}of running</dd>
      </div>
      {priced && (
        <div>
          <dt>Paid</dt>
          <dd class="big">{money(totals.price_paid)}</dd>
          <dd class="small">{money(totals.paid_today)} today</dd>
        </div>
      )}
      <div>
        <dt>Hit rate</dt>
        <dd class="big">{percent(totals.hits, calls)}</dd>
        <dd class="small">
          {counted(totals.hits, "hit")}, {counted(totals.misses, "run")}
          {totals.errors > 0 && <span class="bad">, {number(totals.errors)} failed</span>}
        </dd>
      </div>
      <div>
        <dt>Kept</dt>
        <dd class="big">{number(totals.entries)}</dd>
        <dd class="small">{totals.entries === 1 ? "result" : "results"}, {bytes(totals.bytes)}</dd>
      </div>
    </dl>
  );
}

function SpendingChart({ desk, totals }: { desk: Desk; totals: Totals }) {
  const span = desk.span.value;
  const { step, buckets } = desk.spending.value ?? totals.spending;
  const priced = totals.price_saved > 0 || totals.price_paid > 0;
  const amount = priced ? money : duration;
  const columns = buckets.map((one) => {
    const [up, down] = priced ? [one.saved, one.paid] : [one.seconds_saved, one.seconds];
    return { up, down, cells: [stepName(one.at, step), amount(up), amount(down), number(one.hits), number(one.misses)] };
  });
  const sum = (of: (one: (typeof columns)[number]) => number) => amount(columns.reduce((all, one) => all + of(one), 0));
  const lower = priced ? "Paid" : "Run time";
  const label = `Saved and ${lower.toLowerCase()} ${step < 86_400 ? "by hour" : step > 86_400 ? "by week or month" : "by day"}`;
  return (
    <figure class="spending">
      <figcaption>
        <span class="key up">saved {sum((one) => one.up)}</span>
        <span class="key down">{lower.toLowerCase()} {sum((one) => one.down)}</span>
        <span class="grow" />
        <span role="group" aria-label="Span of time" class="spans">
          {SPANS.map(([one, name]) => (
            <button key={one} class="plain" aria-pressed={span === one} onClick={() => desk.showSpan(one)}>{name}</button>
          ))}
        </span>
      </figcaption>
      <Columns label={label} heads={["Time", "Saved", lower, "Hits", "Ran"]} columns={columns} />
      <p class="axis muted" aria-hidden="true">
        <span>{columns[0]?.cells[0]}</span>
        <span>{columns.at(-1)?.cells[0]}</span>
      </p>
    </figure>
  );
}

/** What is done with the store as a whole, seldom. */
export function Maintenance({ desk, totals: { health, statuses } }: { desk: Desk; totals: Totals }) {
  if (!desk.steerable) return null;
  const open = desk.menu.value;
  const close = (event: { currentTarget: Element }) => {
    desk.menu.value = false;
    focusSoon(event.currentTarget, ".menu > button");
  };
  const check = (repair: boolean) => (event: { currentTarget: Element }) => {
    close(event);
    void desk.check(repair);
  };
  const ask = (what: "export" | "rebuild") => () => {
    desk.menu.value = false;
    if (what === "export") desk.show("entries");
    desk.asking.value = { what, rows: [] };
  };
  return (
    <div class="menu" onKeyDown={(event) => event.key === "Escape" && close(event)}>
      <button class="plain round" aria-label="Maintenance" title="Maintenance" aria-expanded={open} onClick={() => (desk.menu.value = !open)}>
        <Icon name="more" />
      </button>
      <div hidden={!open}>
        <p class="muted">{health.text}{health.checked && ` ${when(health.checked, desk)}`}</p>
        {health.folder && <button class="plain link" disabled={!!health.checking} onClick={check(false)}>Check all results</button>}
        {health.folder && <button class="plain link" disabled={!!health.checking} onClick={check(true)}>Check, and remove what is damaged</button>}
        {health.folder && statuses.length > 0 && <button class="plain link" onClick={ask("export")}>Export the results shown…</button>}
        <button class="plain link" onClick={ask("rebuild")}>Rebuild the catalog…</button>
      </div>
    </div>
  );
}
