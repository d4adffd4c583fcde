// A model with a backend behind it that a test decides on, and a reader who looks at its panel.

import { afterEach, beforeEach, vi } from "vitest";
import { render } from "../src/widget";
import type { First, Model, Page, Row, Totals } from "../src/wire";

type Answer = (method: string, params: any) => unknown;
type Answers = Record<string, (params: any) => unknown>;

export class FakeModel implements Model {
  readonly sent: any[] = [];
  readonly held: any[] = [];
  private readonly handlers = new Map<string, Set<(...args: any[]) => void>>();
  hold = false;
  broken = false;

  constructor(
    readonly state: Record<string, unknown> = {},
    public answer: Answer = () => ({}),
  ) {}

  get(name: string): unknown {
    return this.state[name];
  }

  set(name: string, value: unknown): void {
    this.state[name] = value;
    this.emit(`change:${name}`);
  }

  on(event: string, callback: (...args: any[]) => void): void {
    if (!this.handlers.has(event)) this.handlers.set(event, new Set());
    this.handlers.get(event)?.add(callback);
  }

  off(event?: string | null, callback?: ((...args: any[]) => void) | null): void {
    if (event && callback) this.handlers.get(event)?.delete(callback);
  }

  listeners(): number {
    return [...this.handlers.values()].reduce((sum, set) => sum + set.size, 0);
  }

  send(message: any): void {
    if (this.broken) throw new Error("Cannot send");
    this.sent.push(message);
    if (this.hold) this.held.push(message);
    else queueMicrotask(() => this.reply(message));
  }

  release(): void {
    for (const message of this.held.splice(0)) this.reply(message);
  }

  reply(message: any): void {
    const { rid } = message;
    let reply;
    let buffers: DataView[] = [];
    try {
      let result = this.answer(message.method, message.params);
      if (Array.isArray(result)) [result, buffers] = result as [unknown, DataView[]];
      reply = { t: "reply", v: 1, rid, ok: true, result };
    } catch (error) {
      reply = { t: "reply", v: 1, rid, ok: false, error: { type: (error as { type?: string }).type ?? "SpotError", text: (error as Error).message } };
    }
    this.emit("msg:custom", reply, buffers);
  }

  emit(event: string, ...args: unknown[]): void {
    for (const handler of [...(this.handlers.get(event) ?? [])]) handler(...args);
  }

  asked(method: string): any[] {
    return this.sent.filter((message) => message.method === method);
  }
}

export function row(n: number, change: Partial<Row> = {}): Row {
  return {
    key: n.toString(16).padStart(32, "0"),
    name: change.name ?? `summarise_${n}`,
    call: change.name ?? `summarise_${n}`,
    kind: "function",
    version: null,
    status: "live",
    created: 1_800_000_000 - n,
    expires: null,
    seconds: 1.2,
    price: 0.002,
    size: 1234,
    parts: ["value"],
    content_type: null,
    model: "",
    tokens: null,
    shared: false,
    pinned: false,
    hits: n,
    drifted: false,
    damage: "",
    arguments: [],
    last: null,
    type: "str",
    result: `held ${n}`,
    thumb: "",
    ...change,
  };
}

export function totals(change: Partial<Totals> = {}): Totals {
  return {
    spot: { name: "default", folder: ".spotmagic/default" },
    at: 1_800_000_000,
    entries: 3,
    bytes: 3702,
    hits: 9,
    misses: 3,
    errors: 0,
    seconds_saved: 10.8,
    price_saved: 0.018,
    price_paid: 0.006,
    paid_today: 0.002,
    spending: {
      span: "day",
      step: 3600,
      buckets: [{ at: 1_799_990_000, hits: 9, misses: 3, paid: 0.006, saved: 0.018, seconds: 3.6, seconds_saved: 10.8 }],
    },
    running: [],
    unkept: [],
    counting: false,
    mode: "auto",
    loads: true,
    kinds: ["cell", "function"],
    statuses: ["live", "expired"],
    views: ["entries", "runs", "functions"],
    health: { text: "Store and catalog are fine.", trouble: [], notes: [], checking: null, checked: null, folder: true },
    ...change,
  };
}

export function page(rows: Row[], total = rows.length, offset = 0): Page {
  return { rows, total, offset };
}

export function first(rows: Row[] = [row(0), row(1), row(2)]): First {
  return { totals: totals(), page: page(rows) };
}

export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

// What a backend answers that keeps these rows; a test says what it answers otherwise.
export function backend(rows: Row[] = [row(0), row(1), row(2)], more: Answers = {}): Answer {
  return (method, params) => {
    if (more[method]) return more[method](params);
    if (method === "totals") return totals();
    if (method === "entries") return page(rows.slice(params.offset, params.offset + params.limit), rows.length, params.offset);
    if (method === "entry") {
      const found = rows.find((one) => one.key === params.key);
      return { row: found, parts: [{ name: "value", label: "value", type: "value", size: 3, free: "result_2" }], inputs: [], remarks: [], runs: [], source: "", diff: null, missing: null, drifted: false, drift: [] };
    }
    if (method === "preview") return { view: "text", text: "kept text", size: 9, whole: true };
    if (method === "forget") return { forgotten: params.keys.length };
    return { rows: [] };
  };
}

let ends: (() => void)[] = [];

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] }));

afterEach(() => {
  for (const end of ends) end();
  ends = [];
  document.body.replaceChildren();
  history.replaceState(null, "", location.pathname);
  vi.useRealTimers();
});

export function show(model: FakeModel, extra: object = {}) {
  const el = document.createElement("div");
  document.body.append(el);
  const end = render({ model, el, ...extra });
  ends.push(end);
  const root = el.shadowRoot as ShadowRoot;
  return { model, el, root, end, text: () => root.textContent ?? "" };
}

// A panel that has asked what it asks at first.
export async function opened(rows?: Row[], more: Answers = {}, state: object = {}, extra: object = {}) {
  const shown = show(new FakeModel({ first: first(), ...state }, backend(rows, more)), extra);
  await settled();
  return shown;
}

export function control<T extends Element = HTMLButtonElement>(root: ParentNode, name: string | RegExp): T {
  const found = [...root.querySelectorAll("button, select, input")].find((one) => {
    const label = (one.getAttribute("aria-label") ?? one.textContent ?? "").trim();
    return typeof name === "string" ? label === name : name.test(label);
  });
  if (!found) throw new Error(`no control ${name}`);
  return found as T;
}

export function click(root: ParentNode, name: string | RegExp): Promise<void> {
  control(root, name).click();
  return settled();
}

export function choose(select: HTMLSelectElement, value: string): Promise<void> {
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
  return settled();
}

export function press(at: Element | null | undefined, key: string): Promise<void> {
  at?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  return settled();
}
