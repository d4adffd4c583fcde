// Small drawn things: verdict dots, icons, tags.

import type { ComponentChildren } from "preact";

const PATHS = {
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  back: "M10 3 5 8l5 5",
  next: "m6 3 5 5-5 5",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  close: "m4 4 8 8m0-8-8 8",
  bin: "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M6.8 7v3.5M9.2 7v3.5",
  find: "M11 11l3 3M12 7.5a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0z",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of spotmagic: a spot in its ring. */
export function Spot() {
  return (
    <svg class="spot" viewBox="0 0 16 16" aria-hidden="true">
      <circle class="ring" cx="8" cy="8" r="6.5" />
      <circle class="core" cx="8" cy="8" r="3" />
    </svg>
  );
}

/** What came of a call, told by shape and word, not by colour alone. */
export function Verdict({ verdict, error }: { verdict: string; error?: string }) {
  const word = error ? "failed" : verdict;
  return (
    <span class={`verdict ${word}`}>
      <svg viewBox="0 0 10 10" aria-hidden="true">
        {word === "failed" ? <path d="m2 2 6 6m0-6-6 6" /> : <circle cx="5" cy="5" r="3.5" />}
        {word === "joined" && <path class="half" d="M5 1.5a3.5 3.5 0 0 1 0 7z" />}
      </svg>
      {word}
    </span>
  );
}

export function Tag({ children, tone = "" }: { children: ComponentChildren; tone?: string }) {
  return <span class={`tag ${tone}`}>{children}</span>;
}

/** How far something is, or how much of it is used. */
export function Bar({ role = "progressbar", label, done, total, text, bad }: {
  role?: "progressbar" | "meter";
  label: string;
  done: number;
  total: number;
  text: string;
  bad: boolean;
}) {
  const part = total ? Math.min(Math.max(done / total, 0), 1) : 1;
  return (
    <span
      class={`track ${bad ? "full" : ""}`}
      role={role}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={part * total}
      aria-valuetext={text}
    >
      <span style={{ width: `${100 * part}%` }} />
    </span>
  );
}

/** A sentence in which `names` stand between backticks. */
export function Told({ text }: { text: string }) {
  return <>{text.split("`").map((piece, index) => (index % 2 ? <code key={index}>{piece}</code> : piece))}</>;
}

/** A name that opens something, or only stands there, with its tags. */
export function Named({ name, title = name, id, open, children }: {
  name: string;
  title?: string;
  id?: string;
  open?: (() => void) | undefined;
  children?: ComponentChildren;
}) {
  const shown = name || "unnamed";
  return (
    <div class="named">
      {open ? (
        <button class="plain link" data-key={id} title={title} onClick={open}>
          <span>{shown}</span>
        </button>
      ) : (
        <code title={title}>{shown}</code>
      )}
      {children}
    </div>
  );
}

/** What kind of thing a name is, where it is not a function. */
export function KindTag({ kind }: { kind: string }) {
  return kind === "function" ? null : <Tag>{kind === "http" ? "request" : kind}</Tag>;
}

/** The head of a table: a label and a class for each column. */
export function Heads({ of }: { of: readonly (readonly [string, string] | false)[] }) {
  return (
    <thead>
      <tr>{of.map((one) => one && <th key={one[0]} scope="col" class={one[1]}>{one[0]}</th>)}</tr>
    </thead>
  );
}
