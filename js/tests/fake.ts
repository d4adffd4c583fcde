// A model with a backend behind it that a test decides on.

import type { First, Model, Page, Row, Totals } from "../src/wire";

type Answer = (method: string, params: any) => unknown;

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
