// What is no single result: functions, runs, limits, batches, jobs, and what was paid and saved over time.

import { type Asker, LOADING, type Loaded } from "./asker";
import type { Signal } from "./signal";
import type { BatchRow, FunctionDetail, FunctionRow, JobRow, LimitRow, Methods, Run, Span, Spending } from "./wire";

export type List = "functions" | "runs" | "limits" | "batches" | "jobs";
const MOST = 300;
const GAUGES = ["limits", "batches", "jobs"];

export class Lists {
  readonly functions: Signal<Loaded<FunctionRow[]>>;
  readonly runs: Signal<Loaded<Run[]>>;
  readonly limits: Signal<Loaded<LimitRow[]>>;
  readonly batches: Signal<Loaded<BatchRow[]>>;
  readonly jobs: Signal<Loaded<JobRow[]>>;
  readonly span: Signal<Span>;
  readonly spending: Signal<Spending | null>;
  /** Which runs are shown: by what came of them, and by a text in their names and reasons. */
  readonly wanted: Signal<{ verdict: string; text: string }>;
  readonly name: Signal<string>;
  readonly detail: Signal<Loaded<FunctionDetail>>;
  readonly batch: Signal<string>;
  readonly failed: Signal<Loaded<Methods["batch_failed"][1]>>;

  readonly #asker: Asker;

  constructor(asker: Asker) {
    this.#asker = asker;
    const loaded = <T>() => asker.watched<Loaded<T>>(LOADING);
    this.functions = loaded();
    this.runs = loaded();
    this.limits = loaded();
    this.batches = loaded();
    this.jobs = loaded();
    this.span = asker.watched<Span>("day");
    this.spending = asker.watched<Spending | null>(null);
    this.wanted = asker.watched({ verdict: "", text: "" });
    this.name = asker.watched("");
    this.detail = loaded();
    this.batch = asker.watched("");
    this.failed = loaded();
  }

  /** Whether what this view shows moves by itself, so that it is read every second. */
  moves(view: string): boolean {
    return GAUGES.includes(view);
  }

  load<L extends List>(name: L): Promise<void> {
    const into = this[name] as { value: Loaded<Methods[L][1]["rows"]> };
    if (name === "functions") this.showFunction(this.name.value);
    return this.#asker.fill(name, into, async () => (await this.#asker.link.ask(name, { limit: MOST })).result.rows);
  }

  /** Show what was paid and saved over another span. That of a day comes with the totals. */
  showSpan(span: Span): void {
    this.span.value = span;
    void this.loadSpending();
  }

  loadSpending(): Promise<void> {
    const span = this.span.value;
    if (span === "day") this.spending.value = null;
    return span === "day" ? Promise.resolve() : this.#asker.once("spending", async () => {
      try {
        this.spending.value = (await this.#asker.link.ask("spending", { span })).result;
      } catch (error) {
        this.#asker.complain(error, "What was spent could not be read");
      }
    });
  }

  /** Show all about one name; none for the empty one. */
  showFunction(name: string): void {
    if (name !== this.name.value) this.detail.value = LOADING;
    this.name.value = name;
    if (name) void this.#asker.fill("function", this.detail, async () => (await this.#asker.link.ask("function", { name })).result);
  }

  /** Ask a batch to pause, resume, stop, or retry what failed; ask a job to stop. */
  async steer<M extends "ask_batch" | "cancel_job">(method: M, params: Methods[M][0]): Promise<void> {
    await this.#asker.act(method, params, "Not done");
    await this.load(method === "ask_batch" ? "batches" : "jobs");
  }

  /** Show which inputs of a batch failed; none for the empty id. */
  showFailed(id: string): void {
    this.batch.value = id;
    this.failed.value = LOADING;
    if (id) void this.#asker.fill("failed", this.failed, async () => (await this.#asker.link.ask("batch_failed", { id })).result);
  }
}
