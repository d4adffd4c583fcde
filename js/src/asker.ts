// Asks the backend, keeps the order of its answers, and says what came of what was done.

import { Aborted, Link, type LinkState, Refused } from "./link";
import { Signal, soon } from "./signal";
import type { Failure, Methods, Model } from "./wire";

export type Loaded<T> = { state: "loading" } | { state: "ready"; value: T } | { state: "error"; failure: Failure };
export const LOADING = { state: "loading" } as const;

interface Turn {
  next?: (() => Promise<void>) | undefined;
  done?: Promise<void> | undefined;
}

export class Asker {
  protected draw = () => {};
  protected closed = false;
  readonly #changed = soon(() => !this.closed && this.draw());
  readonly #turns = new Map<string, Turn>();
  readonly link: Link;
  /** There are no numbers yet: they are being counted, and come when the backend is asked again. */
  readonly counting = this.watched(false);
  readonly notice = this.watched<{ text: string; bad: boolean } | null>(null);

  constructor(model: Model) {
    this.link = new Link(model, this.watched<LinkState>("new"));
  }

  /** Whether what changes the cache may be offered. */
  get steerable(): boolean {
    return this.link.state.value === "live" || this.link.state.value === "busy";
  }

  /** A value that draws the panel anew when it changes. */
  watched<T>(value: T): Signal<T> {
    return new Signal(value, this.#changed);
  }

  /** Fill a signal. What is shown stays until the new answer is there; without a kernel it stays for good. */
  fill<T>(what: string, into: { value: Loaded<T> }, get: () => Promise<T>): Promise<void> {
    return this.once(what, async () => {
      try {
        into.value = { state: "ready", value: await get() };
      } catch (error) {
        if (!(error instanceof Refused)) return;
        if (error.failure.type === "Counting") return void (this.counting.value = true);
        if (error.failure.type === "Gone" && into.value.state === "ready") return;
        into.value = { state: "error", failure: error.failure };
      }
    });
  }

  /** At most one of each kind in flight: of those asked meanwhile, the last one follows. */
  once(what: string, task: () => Promise<void>): Promise<void> {
    const turn = this.#turns.get(what) ?? {};
    this.#turns.set(what, turn);
    turn.next = task;
    turn.done ??= this.#drain(turn);
    return turn.done;
  }

  async #drain(turn: Turn): Promise<void> {
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
  async act<M extends keyof Methods>(method: M, params: Methods[M][0], sad: string): Promise<Methods[M][1] | void> {
    try {
      return (await this.link.ask(method, params, true)).result;
    } catch (error) {
      this.complain(error, sad);
    }
  }

  say(text: string, bad = false): void {
    this.notice.value = { text, bad };
  }

  complain(error: unknown, what: string): void {
    if (error instanceof Aborted) return;
    const why = error instanceof Error ? error.message : String(error);
    this.say(`${what}: ${why}`, true);
  }
}
