// What the panel and its backend say to each other. Mirrors spotmagic/dashboard/backend.py.

export type Kind = "function" | "cell" | "http";

export interface Row {
  key: string;
  name: string;
  kind: string;
  version: string | null;
  status: string;
  created: number;
  expires: number | null;
  seconds: number;
  price: number;
  size: number;
  parts: string[];
  content_type: string | null;
  shared: boolean;
  pinned: boolean;
  hits: number;
  brief: string;
}

export interface Page {
  rows: Row[];
  total: number;
  offset: number;
}

export interface Bucket {
  at: number;
  hits: number;
  ran: number;
}

/** How store and catalog stand, in sentences. `checking` is when a reading of all entries was begun. */
export interface Health {
  text: string;
  trouble: string[];
  notes: string[];
  checking: number | null;
  checked: { at: number; text: string } | null;
  folder: boolean;
}

export interface Totals {
  spot: { name: string; folder: string };
  at: number;
  entries: number;
  bytes: number;
  hits: number;
  misses: number;
  errors: number;
  seconds_saved: number;
  price_saved: number;
  price_paid: number;
  paid_today: number;
  series: { step: number; buckets: Bucket[] };
  mode: string;
  loads: boolean;
  kinds: string[];
  statuses: string[];
  views: string[];
  health: Health;
}

export interface Run {
  key: string;
  name: string;
  kind: string;
  verdict: string;
  reason: string;
  started: number;
  seconds: number;
  price: number;
  waited: number;
  stored: boolean;
  error: string;
  times: number;
}

export interface FunctionRow {
  name: string;
  kind: string;
  entries: number;
  calls: number;
  hits: number;
  misses: number;
  seconds: number;
  seconds_saved: number;
  price_paid: number;
  price_saved: number;
  errors: number;
  last: number | null;
  mode: string;
  set: string;
  given: string;
}

export interface Gauge {
  unit: string;
  used: number;
  limit: number;
  text: string;
}

export interface LimitRow {
  name: string;
  rates: string;
  slowed: boolean;
  gauges: Gauge[];
  waiting: number;
  paused: number;
}

export interface PartRow {
  name: string;
  label: string;
  type: string;
  size: number;
}

export interface DiffLine {
  op: " " | "+" | "-" | "~";
  text: string;
}

export interface Entry {
  row: Row;
  parts: PartRow[];
  inputs: { name: string; fingerprint: string }[];
  runs: Run[];
  source: string | null;
  diff: { lines: DiffLine[]; than: number } | null;
  missing: string | null;
  drifted: boolean;
}

/** A value for a tree: its type in words, its text when it is a leaf, its children when it is not. */
export interface Node {
  type: string;
  text?: string;
  size?: number;
  children?: [string, Node][];
}

export interface Column {
  name: string;
  type: string;
}

export type Preview =
  | { view: "text"; text: string; size: number; whole: boolean; label?: string }
  | { view: "tree"; tree: Node; whole: boolean }
  | { view: "table"; columns: Column[]; rows: string[][]; labels: string[]; height: number; width: number }
  | { view: "media"; media: "image" | "audio" | "video"; mime: string; buffer: number; size: number; label?: string }
  | { view: "html"; html: string; size: number; whole: boolean }
  | { view: "hex"; hex: string; size: number; why: string; type: string }
  | { view: "error"; type: string; text: string; lines: string[] }
  | { view: "list"; items: Preview[]; more: number }
  | { view: "none"; why: string };

export interface Query {
  search: string;
  name: string;
  kind: string;
  status: string;
  order: string;
  offset: number;
  limit: number;
}

/** What each method takes and gives. */
export interface Methods {
  totals: [Record<string, never>, Totals];
  entries: [Query, Page];
  entry: [{ key: string }, Entry];
  preview: [{ key: string; part: string; all?: boolean }, Preview];
  load: [{ key: string; part: string; name: string }, { name: string }];
  forget: [{ keys: string[] }, { forgotten: number }];
  pin: [{ keys: string[]; pinned: boolean }, { pinned: number }];
  accept: [{ key: string }, { accepted: string[] }];
  functions: [{ limit: number }, { rows: FunctionRow[] }];
  set_mode: [{ name: string; mode: string }, { name: string; mode: string }];
  runs: [{ limit: number }, { rows: Run[] }];
  limits: [{ limit: number }, { rows: LimitRow[] }];
  check: [Record<string, never>, Health];
  rebuild: [Record<string, never>, { entries: number }];
  export: [Partial<Query> & { file: string; keys?: string[] }, { name: string; text: string; ticket: string }];
}

export interface Failure {
  type: string;
  text: string;
}

export type Reply =
  | { t: "reply"; v: 1; rid: string; ok: true; result: unknown }
  | { t: "reply"; v: 1; rid: string; ok: false; error: Failure };

/** What a panel shows before it has asked anything, and what a saved notebook shows. */
export interface First {
  totals: Totals;
  page: Page;
}

/** The part of anywidget's model that the panel uses. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(event: string, callback: (...args: any[]) => void): void;
  off(event?: string | null, callback?: ((...args: any[]) => void) | null): void;
  send(content: unknown, callbacks?: unknown, buffers?: unknown): void;
  widget_manager?: { get_model(id: string): Promise<Model> };
}
