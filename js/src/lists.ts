// What is no single result: functions, runs, limits, batches, jobs, and what was paid and saved over time.

import { Asker, LOADING, type Loaded } from "./asker";
import type { BatchRow, FunctionDetail, FunctionRow, JobRow, LimitRow, Methods, Run, Span, Spending } from "./wire";

export type List = "functions" | "runs" | "limits" | "batches" | "jobs";
const GAUGES = ["limits", "batches", "jobs"];

export class Lists extends Asker {
  readonly functions = this.watched<Loaded<FunctionRow[]>>(LOADING);
  readonly runs = this.watched<Loaded<Run[]>>(LOADING);
  readonly limits = this.watched<Loaded<LimitRow[]>>(LOADING);
  readonly batches = this.watched<Loaded<BatchRow[]>>(LOADING);
  readonly jobs = this.watched<Loaded<JobRow[]>>(LOADING);
  readonly span = this.watched<Span>("day");
  readonly spending = this.watched<Spending | null>(null);
  /** Which runs are shown: by what came of them, and by a text in their names and reasons. */
  readonly wanted = this.watched({ verdict: "", text: "" });
  /** The function that is shown in full, and all about it. */
  readonly named = this.watched("");
  readonly detail = this.watched<Loaded<FunctionDetail>>(LOADING);
  /** The batch whose failed inputs are shown, and these. */
  readonly batch = this.watched("");
  readonly failed = this.watched<Loaded<Methods["batch_failed"][1]>>(LOADING);

  /** Whether what this view shows moves by itself, so that it is read every second. */
  moves(view: string): boolean {
    return GAUGES.includes(view);
  }

  loadList<L extends List>(name: L): Promise<void> {
    const into = this[name] as { value: Loaded<Methods[L][1]["rows"]> };
    if (name === "functions") this.showFunction(this.named.value);
    return this.fill(name, into, async () => (await this.link.ask(name, {})).result.rows);
  }

  /** Show what was paid and saved over another span. That of a day comes with the totals. */
  showSpan(span: Span): void {
    this.span.value = span;
    void this.loadSpending();
  }

  loadSpending(): Promise<void> {
    const span = this.span.value;
    if (span === "day") this.spending.value = null;
    return span === "day" ? Promise.resolve() : this.once("spending", async () => {
      try {
        this.spending.value = (await this.link.ask("spending", { span })).result;
      } catch (error) {
        this.complain(error, "What was spent could not be read");
      }
    });
  }

  /** Show all about one name; none for the empty one. */
  showFunction(name: string): void {
    if (name !== this.named.value) this.detail.value = LOADING;
    this.named.value = name;
    if (name) void this.fill("function", this.detail, async () => (await this.link.ask("function", { name })).result);
  }

  /** Ask a batch to pause, resume, stop, or retry what failed; ask a job to stop. */
  async steer<M extends "ask_batch" | "cancel_job">(method: M, params: Methods[M][0]): Promise<void> {
    await this.act(method, params, "Not done");
    await this.loadList(method === "ask_batch" ? "batches" : "jobs");
  }

  /** Show which inputs of a batch failed; none for the empty id. */
  showFailed(id: string): void {
    this.batch.value = id;
    this.failed.value = LOADING;
    if (id) void this.fill("failed", this.failed, async () => (await this.link.ask("batch_failed", { id })).result);
  }
}
