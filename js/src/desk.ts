// Everything the panel knows and does. The views only read signals and call these actions.

import { LOADING, type Loaded } from "./asker";
import { fetchFile, Refused } from "./link";
import { type List, Lists } from "./lists";
import { Address } from "./address";
import type { Entry, Facets, First, Model, Now, Page, Preview, Query, Row, Totals } from "./wire";
import { results } from "./words";

export interface Shown {
  preview: Preview;
  buffers: DataView[];
}

/** What the reader is asked before it is done. No rows stand for all that the filter shows. */
export interface Asking {
  what: "forget" | "export" | "rebuild" | "replace";
  rows: readonly Row[];
  /** The variable that would be replaced, and the type of what it holds. */
  name?: string;
  taken?: string;
  busy?: boolean;
}

export const PAGE = 50;
export const START: Query = {
  search: "", name: "", kind: "", status: "live", model: "", tag: "", order: "-created", offset: 0, limit: PAGE,
};
const QUIET = 1000;

export class Desk extends Lists {
  readonly totals = this.watched<Totals | null>(null);
  readonly now = this.watched(Date.now() / 1000);
  readonly view = this.watched("entries");

  readonly query = this.watched<Query>(START);
  readonly page = this.watched<Loaded<Page>>(LOADING);
  readonly facets = this.watched<Facets>({});
  readonly fetching = this.watched(false);
  /** The spots that can be shown in place of this one. */
  readonly spots = this.watched<string[]>([]);
  readonly selected = this.watched<ReadonlyMap<string, Row>>(new Map());

  readonly open = this.watched<string | null>(null);
  readonly entry = this.watched<Loaded<Entry>>(LOADING);
  readonly part = this.watched("");
  readonly preview = this.watched<Loaded<Shown>>(LOADING);

  readonly menu = this.watched(false);
  readonly asking = this.watched<Asking | null>(null);
  readonly #clock: ReturnType<typeof setInterval>;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #feed: Model | null = null;
  #last = -1;
  readonly #address: Address | null;

  readonly #model: Model;

  constructor(model: Model) {
    super(model);
    this.#model = model;
    const first = model.get("first") as Partial<First> | null;
    if (first?.totals) this.totals.value = first.totals;
    if (first?.page) this.page.value = { state: "ready", value: first.page };
    model.on("change:first", this.renew);
    this.#address = this.alone ? new Address(this) : null;
    this.#clock = setInterval(this.#tick, 1000);
  }

  /** Whether this is the page of `spotmagic ui`, and not an output of a notebook. */
  get alone(): boolean {
    return this.#model.get("place") === "page";
  }

  /** Draw now and after every change, and ask for what is new since the panel was made. */
  start(draw: () => void): void {
    this.draw = draw;
    draw();
    void this.refresh();
    if (this.alone) void this.link.ask("spots", {}, true).then(({ result }) => (this.spots.value = result.names ?? []), () => {});
  }

  /** Listen to the live counters, which come over a model of their own. */
  follow(feed: Model): void {
    if (this.closed) return;
    this.#feed = feed;
    feed.on("change:beat", this.#heard);
  }

  close(): void {
    this.closed = true;
    this.#model.off("change:first", this.renew);
    this.#feed?.off("change:beat", this.#heard);
    this.#address?.close();
    clearInterval(this.#clock);
    clearTimeout(this.#quiet);
    clearTimeout(this.#typing);
    this.link.close();
  }

  /** Ask again for all that is shown, whether or not the last answers have come. */
  async refresh(): Promise<void> {
    this.link.drop();
    this.now.value = Date.now() / 1000;
    this.counting.value = false;
    await Promise.all([this.#loadTotals(), this.loadSpending(), this.#loadView()]);
  }

  show(view: string): void {
    this.view.value = view;
    this.open.value = null;
    this.asking.value = null;
    this.#address?.write();
    void this.#loadView();
  }

  /** Another search, filter, order or page. Anything but a page starts at the first row and drops the selection. */
  find(change: Partial<Query>): void {
    this.query.value = { ...this.query.value, offset: 0, ...change };
    this.selected.value = new Map();
    this.#last = -1;
    this.asking.value = null;
    this.#address?.write();
    void this.#loadPage();
  }

  /** Show what an address says. */
  go(view: string, key: string | null, query: Query): void {
    this.view.value = view;
    this.query.value = query;
    this.selected.value = new Map();
    this.asking.value = null;
    if (key && key !== this.open.value) this.openEntry(key);
    else {
      this.open.value = key;
      void this.#loadView();
    }
  }

  /** Search for what is being typed, once it rests. */
  type(text: string): void {
    clearTimeout(this.#typing);
    this.query.value = { ...this.query.value, search: text }; // what is typed stands, whatever is drawn meanwhile
    this.#typing = setTimeout(() => this.find({}), 200);
  }

  /** The entries of one function or cell. */
  only(name: string): void {
    this.view.value = "entries";
    this.open.value = null;
    this.find({ ...START, name });
  }

  select(rows: readonly Row[], on: boolean): void {
    const next = new Map(this.selected.value);
    for (const row of rows) {
      if (on) next.set(row.key, row);
      else next.delete(row.key);
    }
    this.selected.value = next;
    this.asking.value = null; // it was asked about others
  }

  /** Choose a row of those shown, or all from the one chosen before to it. */
  pick(rows: readonly Row[], index: number, on: boolean, range: boolean): void {
    const from = range && this.#last >= 0 && this.#last < rows.length ? this.#last : index;
    this.#last = index;
    this.select(rows.slice(Math.min(from, index), Math.max(from, index) + 1).filter((row) => row.key), on);
  }

  openEntry(key: string): void {
    this.view.value = "entries";
    this.open.value = key;
    this.entry.value = LOADING;
    this.preview.value = LOADING;
    this.asking.value = null;
    this.#address?.write();
    void this.#loadEntry(true);
  }

  back(): void {
    this.open.value = null;
    this.asking.value = null;
    this.#address?.write();
    void this.#loadPage();
  }

  showPart(name: string, all = false): void {
    this.part.value = name;
    void this.#loadPreview(all);
  }

  /** Give a variable of the notebook what is shown. What it holds is replaced only when the reader says so. */
  async load(name: string, over = false): Promise<void> {
    const result = await this.act("load", { key: this.open.value ?? "", part: this.part.value, name, over }, "Not loaded");
    if (!result) return;
    if (result.taken) this.asking.value = { what: "replace", rows: [], name: result.name, taken: result.taken };
    else this.say(`${result.name} now holds a copy of it.`);
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
    if (what === "replace") {
      await this.load(asking.name ?? "", true);
      return done();
    }
    if (what === "forget") {
      const result = await this.act("forget", { keys }, "Nothing was forgotten");
      if (result) {
        this.selected.value = new Map();
        this.open.value = null;
        this.#address?.write();
        this.say(`${results(result.forgotten)} forgotten.`);
      }
    } else if (what === "rebuild") {
      const result = await this.act("rebuild", {}, "Not rebuilt");
      if (result) this.say(`The catalog is rebuilt: ${results(result.entries)}.`);
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
    await Promise.all([this.#loadPage(), this.open.value ? this.#loadEntry(false) : undefined]);
  }

  /** Let a result stand for the code and inputs as they are now. */
  async accept({ key }: Row): Promise<void> {
    if (await this.act("accept", { key }, "Not accepted")) this.say("It stands for the code and inputs as they are now.");
    await this.#loadEntry(false);
  }

  /** Set the mode of a name, or of the spot under the empty name. */
  async setMode(name: string, mode: string): Promise<void> {
    await this.act("set_mode", { name, mode }, "The mode was not set");
    await this.refresh();
  }

  /** Have every result read, and what is damaged removed if that is wanted. What is found comes with the totals. */
  async check(repair: boolean): Promise<void> {
    const health = await this.act("check", { repair }, "Not checked");
    if (health && this.totals.value) this.totals.value = { ...this.totals.value, health };
  }

  /** Every second: gauges are read; every ten, ages, and whether a silent kernel is still there. */
  readonly #tick = (): void => {
    const now = Date.now() / 1000;
    if (this.counting.value || this.totals.value?.counting) void this.refresh();
    if (now - this.now.value >= 10 || this.totals.value?.running[0]) {
      this.now.value = now;
      this.link.probe();
    }
    if (this.moves(this.view.value) && this.steerable) void this.#loadView();
  };

  /** Ask anew: the reader wants it, the panel was shown again, or its server is back. */
  readonly renew = (): void => void this.refresh();

  readonly #heard = (): void => {
    const beat = this.#feed?.get("beat") as { totals?: Totals; running?: Now[] } | null;
    this.now.value = Date.now() / 1000;
    if (beat?.running && this.totals.value) this.totals.value = { ...this.totals.value, running: beat.running };
    if (!beat?.totals) return;
    this.totals.value = beat.totals;
    this.#quiet ??= setTimeout(() => {
      this.#quiet = undefined;
      void this.loadSpending();
      if (!this.#settled()) void this.#loadView();
    }, QUIET);
  };

  /** Whether rows should stay where they are, because the reader is choosing among them. */
  #settled(): boolean {
    return this.selected.value.size > 0 || this.asking.value !== null || this.query.value.offset > 0;
  }

  #loadView(): Promise<void> {
    if (this.open.value) return this.#loadEntry(false);
    const view = this.view.value as List | "entries";
    return view === "entries" ? this.#loadPage() : this.loadList(view);
  }

  #loadTotals(): Promise<void> {
    return this.once("totals", async () => {
      try {
        this.totals.value = (await this.link.ask("totals", {})).result;
      } catch (error) {
        if (error instanceof Refused && error.failure.type === "Counting") this.counting.value = true;
        else if (this.link.state.value !== "gone") this.complain(error, "The totals could not be read");
      }
    });
  }

  async #loadPage(): Promise<void> {
    this.fetching.value = true;
    await this.fill("entries", this.page, async () => {
      const { result } = await this.link.ask("entries", this.query.value);
      if (result.rows.length || !result.offset) return result;
      this.query.value = { ...this.query.value, offset: Math.max(0, Math.floor((result.total - 1) / PAGE) * PAGE) };
      return (await this.link.ask("entries", this.query.value)).result;
    });
    this.fetching.value = false;
    await this.once("facets", async () => {
      try {
        this.facets.value = (await this.link.ask("facets", this.query.value)).result;
      } catch {
        // the rows say what is wrong; the filters stay as they were
      }
    });
  }

  async #loadEntry(fresh: boolean): Promise<void> {
    const key = this.open.value;
    if (!key) return;
    await this.fill("entry", this.entry, async () => (await this.link.ask("entry", { key })).result);
    const entry = this.entry.value;
    if (!fresh || entry.state !== "ready" || entry.value.row.key !== key || this.open.value !== key) return;
    this.part.value = entry.value.parts[0]?.name ?? "";
    await this.#loadPreview(false);
  }

  async #loadPreview(all: boolean): Promise<void> {
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
}
