// Markdown as elements: what people write in answers and notes. Only elements named here are made, and none has an
// address: nothing is followed or fetched, and tags in a text stay text. A library would take a fifth of the bundle.

import type { ComponentChildren, VNode } from "preact";

const MARKS = /^ {0,3}(#{1,6} \S|[-*+] \S|\d+[.)] \S|> |```|\|.+\|)|\*\*\S[^*\n]*\*\*|`[^`\n]+`/m;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:( +)|$)/;
const UNDER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const DEEPEST = 12;

/** Whether a text reads as if it were written in Markdown. */
export function isMarkdown(text: string): boolean {
  return MARKS.test(text);
}

export function Markdown({ text }: { text: string }) {
  return <div class="markdown">{blocks(text.split("\n"), 0)}</div>;
}

function blocks(lines: string[], depth: number): VNode[] {
  const made: VNode[] = [];
  let at = 0;
  /** The lines from here on for which something holds. */
  const take = (holds: (line: string, n: number) => boolean): string[] => {
    const from = at;
    while (at < lines.length && holds(lines[at] as string, at - from)) at++;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at] as string;
    const key = made.length;
    const fence = FENCE.exec(line)?.[1];
    const heading = HEADING.exec(line);
    if (!line.trim()) at++;
    else if (fence) {
      at++;
      made.push(<pre key={key}><code>{take((one) => !one.trimStart().startsWith(fence)).join("\n")}</code></pre>);
      at++;
    } else if (heading) {
      const Level = `h${heading[1]?.length}` as "h1";
      made.push(<Level key={key} aria-level={5}>{inline(heading[2]?.replace(/\s#+\s*$/, "") ?? "")}</Level>);
      at++;
    } else if (RULE.test(line)) {
      made.push(<hr key={key} />);
      at++;
    } else if (QUOTE.test(line) && depth < DEEPEST) {
      const inner = take((one) => QUOTE.test(one)).map((one) => one.replace(QUOTE, ""));
      made.push(<blockquote key={key}>{blocks(inner, depth + 1)}</blockquote>);
    } else if (ITEM.test(line) && depth < DEEPEST) {
      made.push(list(take((one, n) => !n || ITEM.test(one) || /^\s/.test(one) || (!one.trim() && goesOn(lines[at + 1]))), key, depth));
    } else if (line.includes("|") && UNDER.test(lines[at + 1] ?? "")) {
      made.push(table(take((one) => one.includes("|")), key));
    } else {
      const text = take((one, n) => !n || (!!one.trim() && !begins(one)));
      made.push(<p key={key}>{inline(text.join("\n"))}</p>);
    }
  }
  return made;
}

function begins(line: string): boolean {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((mark) => mark.test(line));
}

/** Whether a list goes on after an empty line. */
function goesOn(next: string | undefined): boolean {
  return next !== undefined && (ITEM.test(next) || /^\s+\S/.test(next));
}

function list(lines: string[], key: number, depth: number): VNode {
  const items: string[][] = [];
  let indent = 0;
  for (const line of lines) {
    const mark = ITEM.exec(line);
    if (mark && (!items.length || (mark[1]?.length ?? 0) < indent)) {
      indent = mark[0].length;
      items.push([line.slice(indent)]);
    } else {
      const margin = Math.min(indent, line.length - line.trimStart().length);
      items.at(-1)?.push(line.slice(margin));
    }
  }
  const shown = items.map((item, place) => {
    const inner = blocks(item, depth + 1);
    const first = inner[0];
    return <li key={place}>{first?.type === "p" ? [(first.props as { children: ComponentChildren }).children, ...inner.slice(1)] : inner}</li>;
  });
  const number = /^\s*(\d+)/.exec(lines[0] ?? "")?.[1];
  return number ? <ol key={key} start={Number(number)}>{shown}</ol> : <ul key={key}>{shown}</ul>;
}

function table([head = "", , ...rows]: string[], key: number): VNode {
  return (
    <table key={key}>
      <thead>
        <tr>{cells(head).map((cell, at) => <th key={at} scope="col">{inline(cell)}</th>)}</tr>
      </thead>
      <tbody>
        {rows.map((row, n) => <tr key={n}>{cells(row).map((cell, at) => <td key={at}>{inline(cell)}</td>)}</tr>)}
      </tbody>
    </table>
  );
}

function cells(row: string): string[] {
  return row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
}

// No part of it can match a stretch in two ways, so that no text takes long.
const INLINE =
  /\\([\\`*_{}[\]()#+.!|~>-])|(`+)([^`]+)\2(?!`)|\*\*(?=\S)((?:[^*]|\*(?!\*))+)\*\*|\*(?=[^\s*])([^*]+)\*|~~([^~]+)~~|(?<!\w)__?(?=\S)([^_]+)__?(?!\w)|(!?)\[([^[\]]*)\]\(([^()\s]*)[^()]*\)/g;

function inline(text: string, depth = 0): ComponentChildren[] {
  const made: ComponentChildren[] = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, escaped, , code, strong, em, gone, under, picture, label, address] = found;
    made.push(text.slice(at, found.index));
    at = found.index + whole.length;
    const inner = (piece: string) => (depth < DEEPEST ? inline(piece, depth + 1) : piece);
    if (escaped) made.push(escaped);
    else if (code) made.push(<code>{code.trim() || code}</code>);
    else if (strong) made.push(<strong>{inner(strong)}</strong>);
    else if (em) made.push(<em>{inner(em)}</em>);
    else if (gone) made.push(<del>{inner(gone)}</del>);
    else if (under) made.push(whole.startsWith("__") ? <strong>{inner(under)}</strong> : <em>{inner(under)}</em>);
    else made.push(<span class="away" title={address}>{picture ? label || "picture" : inner(label ?? "")}</span>);
  }
  return [...made, text.slice(at)];
}
