// Calls as people know them. What all rows of a name share is left out of each and told once.

import type { Row } from "./wire";
import { cut } from "./words";

/** What every row shown has: one name, arguments that are the same. */
export interface Shared {
  /** The name, where all rows have the same one. */
  name: string;
  /** The arguments that are left out, as text, where all rows have one name. */
  text: string;
  /** Of each name the arguments that are left out. */
  of: ReadonlyMap<string, ReadonlySet<string>>;
}

export function shared(rows: readonly Row[]): Shared {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.name, [...(groups.get(row.name) ?? []), row]);
  const of = new Map<string, ReadonlySet<string>>();
  for (const [name, group] of groups) of.set(name, alike(group));
  const [row] = rows;
  const one = row && rows.length > 1 && groups.size === 1 ? row : null;
  const left = one ? one.arguments.filter(([name]) => of.get(one.name)?.has(name)) : [];
  return { name: one?.name ?? "", text: left.map(([name, text]) => `${bare(name)}=${text}`).join(", "), of };
}

/** The arguments that all of several calls of one name have alike, unless that is all they have. */
function alike(rows: readonly Row[]): Set<string> {
  const [first, ...rest] = rows;
  if (!first || !rest.length) return new Set();
  const same = first.arguments.filter(([name, text]) =>
    rest.every((row) => row.arguments.some(([other, value]) => other === name && value === text)),
  );
  const most = Math.max(...rows.map((row) => row.arguments.length));
  return new Set(same.length < most ? same.map(([name]) => name) : []);
}

/** A call without what all share. */
export function brief(row: Row, { name, of }: Shared): string {
  const left = of.get(row.name);
  if (!row.arguments.length) return cut(row.call);
  const shown = row.arguments
    .map(([label, text], place) => (left?.has(label) ? "" : place ? `${bare(label)}=${text}` : text))
    .filter(Boolean);
  const called = row.kind === "function" ? row.name.slice(row.name.lastIndexOf(".") + 1) : row.name;
  return cut(`${name ? "" : called}(${shown.join(", ")})`);
}

/** A call in full, under its name in full. */
export function whole({ name, call }: Row): string {
  return call.startsWith(name) ? call : `${name}\n${call}`;
}

function bare(name: string): string {
  return name.replace(/=$/, "");
}
