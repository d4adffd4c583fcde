// A value that tells when it changes. One panel draws itself again as a whole, once per turn, however many changed.

export class Signal<T> {
  constructor(
    private now: T,
    private readonly changed: () => void,
  ) {}

  get value(): T {
    return this.now;
  }

  set value(next: T) {
    if (Object.is(next, this.now)) return;
    this.now = next;
    this.changed();
  }
}

/** Runs a task once at the end of this turn, however often it is called in it. */
export function soon(task: () => void): () => void {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    queueMicrotask(() => {
      waits = false;
      task();
    });
  };
}
