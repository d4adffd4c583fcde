// What stands in for an answer that is not there: still coming, or failed.

import type { ComponentChildren } from "preact";
import type { Loaded } from "./asker";
import type { Failure } from "./wire";

interface Props<T> {
  of: Loaded<T>;
  lines?: number;
  retry?: () => void;
  children: (value: T) => ComponentChildren;
}

export function Waiting<T>({ of, lines = 4, retry, children }: Props<T>) {
  if (of.state === "ready") return <>{children(of.value)}</>;
  if (of.state === "error") return <Failed failure={of.failure} retry={retry} />;
  return (
    <div class="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} style={{ width: `${88 - ((index * 23) % 40)}%` }} />
      ))}
    </div>
  );
}

/** What there is of something, each in a place of its own, or a sentence where there is nothing. */
export function Listed<T>({ of, retry, none, children }: {
  of: Loaded<T[]>;
  retry: () => void;
  none: string;
  children: (row: T) => ComponentChildren;
}) {
  return (
    <Waiting of={of} lines={3} retry={retry}>
      {(rows) => rows.length ? <ul class="limits">{rows.map(children)}</ul> : <div class="empty"><p>{none}</p></div>}
    </Waiting>
  );
}

export function Failed({ failure, retry }: { failure: Failure; retry?: (() => void) | undefined }) {
  return (
    <div class="trouble" role="alert">
      <p>This could not be read.</p>
      <pre>{failure.type === "Gone" ? failure.text : `${failure.type}: ${failure.text}`}</pre>
      {retry && <button onClick={retry}>Try again</button>}
    </div>
  );
}
