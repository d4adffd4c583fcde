// Requests to the backend over custom messages. A reply is found by its rid; every view has a prefix of its own,
// because a model hands each message to all its views.

import type { Signal } from "./signal";
import type { Failure, Methods, Model, Reply } from "./wire";

/**
 * new: nothing has been answered yet. live: answered. busy: a request waits longer than it should.
 * lost: nothing was ever answered. gone: nothing can be sent any more.
 */
export type LinkState = "new" | "live" | "busy" | "lost" | "gone";

const SLOW = 4000;

export class Refused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.text);
  }
}

export class Aborted extends Error {}

interface Pending {
  resolve(answer: { result: unknown; buffers: DataView[] }): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
  keep: boolean;
}

let views = 0;

export class Link {
  readonly #prefix = `${(views++).toString(36)}${Math.random().toString(36).slice(2, 8)}`;
  readonly #pending = new Map<string, Pending>();
  #asked = 0;
  #answered = false;

  constructor(
    private readonly model: Model,
    readonly state: Signal<LinkState>,
  ) {
    model.on("msg:custom", this.#receive);
    model.on("gone", this.#cut);
  }

  /**
   * The answer to a request. A busy kernel answers late, so this waits; it fails only when nothing can come any more.
   * With `keep` it is waited for whatever is asked anew: something was done, and what came of it is to be told.
   */
  ask<M extends keyof Methods>(
    method: M,
    params: Methods[M][0],
    keep = false,
  ): Promise<{ result: Methods[M][1]; buffers: DataView[] }> {
    const rid = `${this.#prefix}.${++this.#asked}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.state.value = this.#answered ? "busy" : "lost";
      }, SLOW);
      this.#pending.set(rid, { resolve: resolve as Pending["resolve"], reject, timer, keep });
      this.#send({ t: "request", v: 1, rid, method, params });
    });
  }

  /** Find out whether anything can still be sent, while answers are due: a kernel that was restarted never gives them. */
  probe(): void {
    if (this.state.value === "busy" || this.state.value === "lost") this.#send({ t: "probe" });
  }

  /** Wait no longer for what was asked so far. */
  drop(error?: Error): void {
    for (const [rid, pending] of [...this.#pending]) {
      if (pending.keep && !error) continue;
      this.#settle(rid);
      pending.reject(error ?? new Aborted("asked anew"));
    }
  }

  close(): void {
    this.model.off("msg:custom", this.#receive);
    this.model.off("gone", this.#cut);
    this.drop(new Aborted("the panel was closed"));
    this.#send({ t: "left", view: this.#prefix }); // nobody need watch the folder for this view any more
  }

  #send(message: object): void {
    try {
      this.model.send(message);
    } catch (error) {
      this.#cut(error);
    }
  }

  /** Nothing can be sent any more, so nothing will come. */
  readonly #cut = (error?: unknown): void => {
    this.state.value = "gone";
    this.drop(new Refused({ type: "Gone", text: error instanceof Error ? error.message : "The line was cut." }));
  };

  readonly #receive = (message: unknown, buffers?: unknown): void => {
    const reply = message as Reply | null;
    if (!reply || reply.t !== "reply" || typeof reply.rid !== "string") return;
    const pending = this.#settle(reply.rid);
    if (!pending) return;
    this.#answered = true;
    this.state.value = "live";
    if (reply.ok) pending.resolve({ result: reply.result, buffers: (buffers as DataView[] | undefined) ?? [] });
    else pending.reject(new Refused(reply.error));
  };

  #settle(rid: string): Pending | undefined {
    const pending = this.#pending.get(rid);
    if (!pending) return undefined;
    clearTimeout(pending.timer);
    this.#pending.delete(rid);
    return pending;
  }
}

/** Have the browser keep a file that the page's server holds. */
export function fetchFile(ticket: string, name: string): void {
  const link = document.createElement("a");
  link.href = `/export/${ticket}`;
  link.download = name;
  link.click();
}
