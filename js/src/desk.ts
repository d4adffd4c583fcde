// Everything the panel knows and does. The views only read signals and call these actions.

import { Aborted, Link, type LinkState, Refused } from "./link";
import { Signal, soon } from "./signal";
import type {
  Entry, Failure, First, FunctionRow, LimitRow, Methods, Model, Page, Preview, Query, Row, Run, Totals,
} from "./wire";
import { entries } from "./words";

export type Loaded<T> = { state: "loading" } | { state: "ready"; value: T } | { state: "error"; failure: Failure };
export interface Shown {
  preview: Preview;
  buffers: DataView[];
}

/** What the reader is asked before it is done. No rows stand for all that the filter shows. */
export interface Asking {
  what: "forget" | "export" | "rebuild";
  rows: readonly Row[];
  busy?: boolean;
}

/** The views that are one list, each asked for by its name. */
type List = "functions" | "runs" | "limits";

interface Turn {
  next?: (() => Promise<void>) | undefined;
  done?: Promise<void> | undefined;
}

export const PAGE = 50;
export const START: Query = { search: "", name: "", kind: "", status: "live", order: "-created", offset: 0, limit: PAGE };
const LOADING = { state: "loading" } as const;
const QUIET = 1000;

export class Desk {
  private draw = () => {};
  private readonly changed = soon(() => !this.closed && this.draw());
  readonly link: Link;
  readonly totals = this.watched<Totals | null>(null);
  readonly now = this.watched(Date.now() / 1000);
  readonly view = this.watched("entries");

  readonly query = this.watched<Query>(START);
  readonly page = this.watched<Loaded<Page>>(LOADING);
  readonly fetching = this.watched(false);
  readonly selected = this.watched<ReadonlyMap<string, Row>>(new Map());

  readonly open = this.watched<string | null>(null);
  readonly entry = this.watched<Loaded<Entry>>(LOADING);
  readonly part = this.watched("");
  readonly preview = this.watched<Loaded<Shown>>(LOADING);

  readonly functions = this.watched<Loaded<FunctionRow[]>>(LOADING);
  readonly runs = this.watched<Loaded<Run[]>>(LOADING);
  readonly limits = this.watched<Loaded<LimitRow[]>>(LOADING);

  readonly asking = this.watched<Asking | null>(null);
  readonly notice = this.watched<{ text: string; bad: boolean } | null>(null);

  private readonly turns = new Map<string, Turn>();
  private readonly clock: ReturnType<typeof setInterval>;
  private typing: ReturnType<typeof setTimeout> | undefined;
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private feed: Model | null = null;
  private closed = false;

  constructor(
    private readonly model: Model,
    slow?: number,
  ) {
    this.link = new Link(model, this.watched<LinkState>("new"), slow);
    const first = model.get("first") as Partial<First> | null;
    if (first?.totals) this.totals.value = first.totals;
    if (first?.page) this.page.value = { state: "ready", value: first.page };
    model.on("change:first", this.renew);
    this.clock = setInterval(this.tick, 1000);
  }

  /** Whether this is the page of `spotmagic ui`, and not an output of a notebook. */
  get alone(): boolean {
    return this.model.get("place") === "page";
  }

  /** Draw now and after every change, and ask for what is new since the panel was made. */
  start(draw: () => void): void {
    this.draw = draw;
    draw();
    void this.refresh();
  }

  /** Whether what changes the cache may be offered. */
  get steerable(): boolean {
    return this.link.state.value === "live" || this.link.state.value === "busy";
  }

  /** Listen to the live counters, which come over a model of their own. */
  follow(feed: Model): void {
    if (this.closed) return;
    this.feed = feed;
    feed.on("change:beat", this.heard);
  }

  close(): void {
    this.closed = true;
    this.model.off("change:first", this.renew);
    this.feed?.off("change:beat", this.heard);
    clearInterval(this.clock);
    clearTimeout(this.quiet);
    clearTimeout(this.typing);
    this.link.close();
  }

  /** Ask again for all that is shown, whether or not the last answers have come. */
  async refresh(): Promise<void> {
    this.link.drop();
    this.now.value = Date.now() / 1000;
    await Promise.all([this.loadTotals(), this.loadView()]);
  }

  show(view: string): void {
    this.view.value = view;
    this.open.value = null;
    this.asking.value = null;
    void this.loadView();
  }

  /** Another search, filter, order or page. Anything but a page starts at the first row and drops the selection. */
  find(change: Partial<Query>): void {
    this.query.value = { ...this.query.value, offset: 0, ...change };
    this.selected.value = new Map();
    this.asking.value = null;
    void this.loadPage();
  }

  /** Search for what is being typed, once it rests. */
  type(text: string): void {
    clearTimeout(this.typing);
    this.query.value = { ...this.query.value, search: text }; // what is typed stands, whatever is drawn meanwhile
    this.typing = setTimeout(() => this.find({}), 200);
  }

  /** The entries of one function or cell. */
  only(name: string): void {
    this.view.value = "entries";
    this.open.value = null;
    this.query.value = { ...START, name };
    this.selected.value = new Map();
    void this.loadPage();
  }

  select(rows: readonly Row[], on: boolean): void {
    const next = new Map(this.selected.value);
    for (const row of rows) {
      if (on) next.set(row.key, row);
      else next.delete(row.key);
    }
    this.selected.value = next;
    if (!next.size) this.asking.value = null;
  }

  openEntry(key: string): void {
    this.view.value = "entries";
    this.open.value = key;
    this.entry.value = LOADING;
    this.preview.value = LOADING;
    this.asking.value = null;
    void this.loadEntry(true);
  }

  back(): void {
    this.open.value = null;
    this.asking.value = null;
    void this.loadPage();
  }

  showPart(name: string, all = false): void {
    this.part.value = name;
    void this.loadPreview(all);
  }

  /** Give a variable of the notebook what is shown. */
  async load(name: string): Promise<void> {
    const result = await this.act("load", { key: this.open.value ?? "", part: this.part.value, name }, "Not loaded");
    if (result) this.say(`${result.name} now holds a copy of it.`);
  }

  /** Do what was asked for, and then tell what came of it. An export that fails may be tried under another name. */
  async answer(asking: Asking, file: string): Promise<void> {
    const { what, rows } = asking;
    const busy = { ...asking, busy: true };
    const keys = rows.map((row) => row.key);
    const done = () => {
      if (this.asking.value === busy) this.asking.value = null;
    };
    this.asking.value = busy;
    if (what === "forget") {
      const result = await this.act("forget", { keys }, "Nothing was forgotten");
      if (result) {
        this.selected.value = new Map();
        this.open.value = null;
        this.say(`${entries(result.forgotten)} forgotten.`);
      }
    } else if (what === "rebuild") {
      const result = await this.act("rebuild", {}, "Not rebuilt");
      if (result) this.say(`The catalog is rebuilt: ${entries(result.entries)}.`);
    } else {
      const chosen = keys[0] ? { keys } : this.query.value;
      const result = await this.act("export", { ...chosen, file }, "Not exported");
      if (!result && this.asking.value === busy) this.asking.value = asking;
      if (!result) return;
      this.say(result.text);
      if (result.ticket) fetchFile(result.ticket, result.name);
      return done();
    }
    done();
    await this.refresh();
  }

  async pin(rows: readonly Row[], pinned: boolean): Promise<void> {
    await this.act("pin", { keys: rows.map((row) => row.key), pinned }, pinned ? "Not pinned" : "Not unpinned");
    await Promise.all([this.loadPage(), this.open.value ? this.loadEntry(false) : undefined]);
  }

  /** Let a result stand for the code and inputs as they are now. */
  async accept({ key }: Row): Promise<void> {
    if (await this.act("accept", { key }, "Not accepted")) this.say("It stands for the code and inputs as they are now.");
    await this.loadEntry(false);
  }

  /** Set the mode of a name, or of the spot under the empty name. */
  async setMode(name: string, mode: string): Promise<void> {
    await this.act("set_mode", { name, mode }, "The mode was not set");
    await this.refresh();
  }

  /** Have every entry read. What is found comes with the totals. */
  async check(): Promise<void> {
    const health = await this.act("check", {}, "Not checked");
    if (health && this.totals.value) this.totals.value = { ...this.totals.value, health };
  }

  /** Every second: gauges are read; every ten, ages, and whether a silent kernel is still there. */
  private readonly tick = (): void => {
    const now = Date.now() / 1000;
    if (now - this.now.value >= 10) {
      this.now.value = now;
      this.link.probe();
    }
    if (this.view.value === "limits" && this.steerable) void this.loadView();
  };

  /** Ask anew: the reader wants it, the panel was shown again, or its server is back. */
  readonly renew = (): void => void this.refresh();

  private readonly heard = (): void => {
    const beat = this.feed?.get("beat") as { totals?: Totals } | null;
    if (!beat?.totals) return;
    this.now.value = Date.now() / 1000;
    this.totals.value = beat.totals ?? null;
    this.quiet ??= setTimeout(() => {
      this.quiet = undefined;
      if (!this.settled()) void this.loadView();
    }, QUIET);
  };

  /** Whether rows should stay where they are, because the reader is choosing among them. */
  private settled(): boolean {
    return this.selected.value.size > 0 || this.asking.value !== null || this.query.value.offset > 0;
  }

  private watched<T>(value: T): Signal<T> {
    return new Signal(value, this.changed);
  }

  private loadView(): Promise<void> {
    if (this.open.value) return this.loadEntry(false);
    const view = this.view.value as List | "entries";
    return view === "entries" ? this.loadPage() : this.loadList(view);
  }

  private loadList<L extends List>(name: L): Promise<void> {
    const into = this[name] as { value: Loaded<Methods[L][1]["rows"]> };
    return this.fill(name, into, async () => (await this.link.ask(name, { limit: 100 })).result.rows);
  }

  private loadTotals(): Promise<void> {
    return this.once("totals", async () => {
      try {
        this.totals.value = (await this.link.ask("totals", {})).result;
      } catch (error) {
        if (this.link.state.value !== "gone") this.complain(error, "The totals could not be read");
      }
    });
  }

  private async loadPage(): Promise<void> {
    this.fetching.value = true;
    await this.fill("entries", this.page, async () => {
      const { result } = await this.link.ask("entries", this.query.value);
      if (result.rows.length || !result.offset) return result;
      this.query.value = { ...this.query.value, offset: Math.max(0, Math.floor((result.total - 1) / PAGE) * PAGE) };
      return (await this.link.ask("entries", this.query.value)).result;
    });
    this.fetching.value = false;
  }

  private async loadEntry(fresh: boolean): Promise<void> {
    const key = this.open.value;
    if (!key) return;
    await this.fill("entry", this.entry, async () => (await this.link.ask("entry", { key })).result);
    const entry = this.entry.value;
    if (!fresh || entry.state !== "ready" || entry.value.row.key !== key || this.open.value !== key) return;
    this.part.value = entry.value.parts[0]?.name ?? "";
    await this.loadPreview(false);
  }

  private async loadPreview(all: boolean): Promise<void> {
    const key = this.open.value;
    const part = this.part.value;
    if (!key || !part) return;
    this.preview.value = LOADING;
    try {
      const { result, buffers } = await this.link.ask("preview", { key, part, all });
      if (this.open.value !== key || this.part.value !== part) return;
      this.preview.value = { state: "ready", value: { preview: result, buffers } };
    } catch (error) {
      if (error instanceof Refused) this.preview.value = { state: "error", failure: error.failure };
    }
  }

  /** Fill a signal. What is shown stays until the new answer is there; without a kernel it stays for good. */
  private fill<T>(what: string, into: { value: Loaded<T> }, get: () => Promise<T>): Promise<void> {
    return this.once(what, async () => {
      try {
        into.value = { state: "ready", value: await get() };
      } catch (error) {
        if (!(error instanceof Refused)) return;
        if (error.failure.type === "Gone" && into.value.state === "ready") return;
        into.value = { state: "error", failure: error.failure };
      }
    });
  }

  /** At most one of each kind in flight: of those asked meanwhile, the last one follows. */
  private once(what: string, task: () => Promise<void>): Promise<void> {
    const turn = this.turns.get(what) ?? {};
    this.turns.set(what, turn);
    turn.next = task;
    turn.done ??= this.drain(turn);
    return turn.done;
  }

  private async drain(turn: Turn): Promise<void> {
    try {
      while (turn.next && !this.closed) {
        const task = turn.next;
        turn.next = undefined;
        await task();
      }
    } finally {
      turn.done = undefined;
    }
  }

  /** The result of something that is done, not only looked at; without one it has been said why. */
  private async act<M extends keyof Methods>(method: M, params: Methods[M][0], sad: string): Promise<Methods[M][1] | void> {
    try {
      return (await this.link.ask(method, params, true)).result;
    } catch (error) {
      this.complain(error, sad);
    }
  }

  private say(text: string, bad = false): void {
    this.notice.value = { text, bad };
  }

  private complain(error: unknown, what: string): void {
    if (error instanceof Aborted) return;
    const why = error instanceof Error ? error.message : String(error);
    this.say(`${what}: ${why}`, true);
  }
}

/** Have the browser keep a file that the page's server holds. */
function fetchFile(ticket: string, name: string): void {
  const link = document.createElement("a");
  link.href = `export/${ticket}`;
  link.download = name;
  link.click();
}
