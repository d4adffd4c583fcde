// What the panel and its backend say to each other. Mirrors spotmagic/dashboard/backend.py.

export interface Row {
  key: string;
  name: string;
  call: string;
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
  model: string;
  tokens: number | null;
  shared: boolean;
  pinned: boolean;
  hits: number;
  drifted: boolean;
  damage: string;
  /** In short texts, in the order of the call. */
  arguments: [string, string][];
  last: number | null;
  /** What came out: its type and shape, its beginning in a line, a small PNG in base64. */
  type: string;
  result: string;
  thumb: string;
}

/** How many results each value of each filter has. */
export type Facets = Partial<Record<Facet, [string, number][]>>;
export type Facet = "name" | "kind" | "status" | "model" | "tag";

export interface Page {
  rows: Row[];
  total: number;
  offset: number;
}

/** What was asked, paid and saved in a stretch of time that begins at `at`. */
export interface Bucket {
  at: number;
  hits: number;
  misses: number;
  paid: number;
  saved: number;
  seconds: number;
  seconds_saved: number;
}

export type Span = "day" | "week" | "all";

export interface Spending {
  span: Span;
  step: number;
  buckets: Bucket[];
}

/** A call that runs now. */
export interface Now {
  name: string;
  kind: string;
  since: number;
}

/** A name that is paid for at every call, as nothing of it is kept. */
export interface Unkept {
  name: string;
  kind: string;
  never: boolean;
  why: string;
  runs: number;
  paid: number;
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
  spending: Spending;
  running: Now[];
  unkept: Unkept[];
  /** Much was written since the last look, and is still being counted. */
  counting: boolean;
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
  bytes: number;
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
  /** Hits and runs in equal steps since the first call of all. */
  rate: [number, number][];
}

/** One name in full. */
export interface FunctionDetail {
  row: FunctionRow;
  latency: { median: number; slow: number; most: number } | null;
  outcomes: Record<string, number>;
  models: { model: string; runs: number; hits: number; input_tokens: number; output_tokens: number; paid: number; saved: number }[];
  runs: Run[];
}

export interface Gauge {
  unit: string;
  used: number;
  limit: number;
  text: string;
}

export interface LimitRow {
  name: string;
  slowed: string;
  gauges: Gauge[];
  waiting: number;
  wait: number;
  paused: number;
}

/** How a batch stands: `text` says it, `words` are what may be asked of it. */
export interface BatchRow {
  id: string;
  name: string;
  status: string;
  total: number | null;
  done: number;
  failed: number;
  started: number;
  text: string;
  words: string[];
}

/** How a job stands: `text` says it, `error` why it failed. */
export interface JobRow {
  id: string;
  name: string;
  status: string;
  done: number | null;
  total: number | null;
  submitted: number;
  text: string;
  error: string;
  traceback: string;
  stoppable: boolean;
}

export interface FailedRow {
  index: number;
  shown: string;
  kind: string;
  message: string;
  attempts: number;
  traceback: string;
  at: number;
}

export interface PartRow {
  name: string;
  label: string;
  type: string;
  size: number;
  /** A name that no variable has yet. */
  free: string;
}

export interface DiffLine {
  op: " " | "+" | "-" | "~";
  text: string;
}

export interface Entry {
  row: Row;
  parts: PartRow[];
  inputs: { name: string; fingerprint: string }[];
  remarks: string[];
  runs: Run[];
  source: string;
  diff: { lines: DiffLine[]; than: number } | null;
  missing: string | null;
  drifted: boolean;
  /** How its code differs from what it was last asked with. */
  drift: DiffLine[];
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
  | { view: "text"; text: string; size: number; whole: boolean; label?: string; markdown?: boolean }
  | { view: "tree"; tree: Node; whole: boolean; name: string; main: Preview | null }
  | { view: "strip"; type: string; size: number; values: number[]; low: number; high: number; norm: number; first: string[] }
  | { view: "table"; columns: Column[]; rows: string[][]; labels: string[]; height: number; width: number }
  | { view: "media"; media: "image" | "audio" | "video"; mime: string; buffer: number; size: number }
  | { view: "html"; html: string; size: number; whole: boolean }
  | { view: "hex"; hex: string; size: number; why: string; type: string; text: string }
  | { view: "error"; type: string; text: string }
  | { view: "list"; items: Preview[]; more: number }
  | { view: "none"; why: string };

export interface Query {
  search: string;
  name: string;
  kind: string;
  status: string;
  model: string;
  tag: string;
  order: string;
  offset: number;
  limit: number;
}

/** What each method takes and gives. */
export interface Methods {
  totals: [Record<string, never>, Totals];
  entries: [Query, Page];
  spots: [Record<string, never>, { names: string[] }];
  facets: [Query, Facets];
  entry: [{ key: string }, Entry];
  preview: [{ key: string; part: string; all?: boolean }, Preview];
  load: [{ key: string; part: string; name: string; over: boolean }, { name: string; taken: string }];
  forget: [{ keys: string[] }, { forgotten: number }];
  pin: [{ keys: string[]; pinned: boolean }, { pinned: number }];
  accept: [{ key: string }, { accepted: string[] }];
  spending: [{ span: Span }, Spending];
  functions: [Record<string, never>, { rows: FunctionRow[] }];
  function: [{ name: string }, FunctionDetail];
  set_mode: [{ name: string; mode: string }, { name: string; mode: string }];
  runs: [Record<string, never>, { rows: Run[] }];
  limits: [Record<string, never>, { rows: LimitRow[] }];
  batches: [Record<string, never>, { rows: BatchRow[] }];
  batch_failed: [{ id: string }, { rows: FailedRow[]; total: number }];
  ask_batch: [{ id: string; word: string }, { id: string; word: string }];
  jobs: [Record<string, never>, { rows: JobRow[] }];
  cancel_job: [{ id: string; force: boolean }, { id: string }];
  check: [{ repair: boolean }, Health];
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
