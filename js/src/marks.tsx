// Small drawn things: verdict dots, icons, the sparkline.

import type { ComponentChildren } from "preact";
import type { Bucket } from "./wire";
import { count, moment, percent } from "./words";

const PATHS = {
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  back: "M10 3 5 8l5 5",
  next: "m6 3 5 5-5 5",
  close: "m4 4 8 8m0-8-8 8",
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

/** A sentence in which `names` stand between backticks. */
export function Told({ text }: { text: string }) {
  return <>{text.split("`").map((piece, index) => (index % 2 ? <code key={index}>{piece}</code> : piece))}</>;
}

/** A name that opens something, or only stands there, with its tags. */
export function Named({ name, id, open, children }: {
  name: string;
  id?: string;
  open?: (() => void) | undefined;
  children?: ComponentChildren;
}) {
  const shown = name || "unnamed";
  return (
    <div class="named">
      {open ? (
        <button class="plain link" data-key={id} title={name} onClick={open}>
          <span>{shown}</span>
        </button>
      ) : (
        <code title={name}>{shown}</code>
      )}
      {children}
    </div>
  );
}

/** What kind of thing a name is, where it is not a function. */
export function KindTag({ kind }: { kind: string }) {
  return kind === "function" ? null : <Tag>{kind === "http" ? "request" : kind}</Tag>;
}

const WIDTH = 132;
const HEIGHT = 28;

/** Calls over time: hits filled, runs as outline on top of them. */
export function Sparkline({ buckets, step }: { buckets: Bucket[]; step: number }) {
  const highest = Math.max(1, ...buckets.map((bucket) => bucket.hits + bucket.ran));
  const hits = buckets.reduce((sum, bucket) => sum + bucket.hits, 0);
  const calls = buckets.reduce((sum, bucket) => sum + bucket.hits + bucket.ran, 0);
  const pitch = WIDTH / Math.max(1, buckets.length);
  const high = (n: number) => (n ? Math.max(1.5, (n / highest) * (HEIGHT - 2)) : 0);
  const hours = Math.round((step * buckets.length) / 3600);
  const over = hours > 48 ? count(Math.round(hours / 24), "day") : count(hours, "hour");
  const label = `The last ${over}: ${count(calls, "call")}, ${percent(hits, calls)} of them hits`;
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label} preserveAspectRatio="none">
      <line class="base" x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
      {buckets.map((bucket, index) => {
        const hit = high(bucket.hits);
        const ran = high(bucket.ran);
        const x = index * pitch + 0.5;
        const width = Math.max(1, pitch - 1);
        return (
          <g key={bucket.at}>
            <title>{`${moment(bucket.at).slice(0, 16)}: ${count(bucket.hits, "hit")}, ${bucket.ran} ran`}</title>
            <rect class="hits" x={x} width={width} y={HEIGHT - 1 - hit} height={hit} />
            <rect class="runs" x={x} width={width} y={HEIGHT - 1 - hit - ran} height={ran} />
          </g>
        );
      })}
    </svg>
  );
}

/** The head of a table: a label and a class for each column. */
export function Heads({ of }: { of: readonly (readonly [string, string] | false)[] }) {
  return (
    <thead>
      <tr>{of.map((one) => one && <th key={one[0]} scope="col" class={one[1]}>{one[0]}</th>)}</tr>
    </thead>
  );
}
