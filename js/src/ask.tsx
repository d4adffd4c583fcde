// What a reader is asked before it is done: what it means, yes or no.

import type { ComponentChildren } from "preact";
import type { Asking, Desk } from "./desk";
import type { Row } from "./wire";
import { cut, duration, money, results } from "./words";

/** A button that asks. */
export function Asks({ desk, what, rows, children }: {
  desk: Desk;
  what: Asking["what"];
  rows: readonly Row[];
  children: ComponentChildren;
}) {
  return (
    <button class={LOOKS[what]} data-ask={what} onClick={() => (desk.asking.value = { what, rows })}>
      {children}
    </button>
  );
}

const LOOKS: Partial<Record<Asking["what"], string>> = { forget: "danger" };

/** Whether something is asked about results. */
export function asksHere({ asking }: Desk): boolean {
  return !!asking.value && asking.value.what !== "rebuild";
}

export function Question({ desk }: { desk: Desk }) {
  const asking = desk.asking.value as Asking;
  const { what, busy } = asking;
  const [title, meaning, yes, no] = worded(desk, asking);
  const close = (event: { currentTarget: Element }) => {
    desk.asking.value = null;
    focusSoon(event.currentTarget, what === "replace" ? ".load input" : asking.rows[0] ? `[data-ask="${what}"]` : ".menu > button");
  };
  return (
    <div
      class={`bar ${what === "forget" || what === "replace" ? "confirm" : ""}`}
      role="alertdialog"
      aria-labelledby="ask-what"
      aria-describedby="ask-meaning"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close(event);
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void desk.answer(asking, String(new FormData(event.currentTarget).get("file")));
        }}
      >
        <strong id="ask-what">{title}</strong>
        {what === "export" && (
          <span class="search">
            <input name="file" aria-label="Name of the file" defaultValue={`${desk.totals.value?.spot.name}-results.zip`} spellcheck={false} ref={takeFocus} />
          </span>
        )}
        <span id="ask-meaning">{meaning}</span>
        <span class="grow" />
        <button class={what === "forget" || what === "replace" ? "danger solid" : ""} disabled={busy}>{yes}</button>
        <button type="button" ref={what === "export" ? null : takeFocus} onClick={close}>{no}</button>
      </form>
    </div>
  );
}

/** What is asked, what it means, and the two answers. */
function worded(desk: Desk, { what, rows, name, taken }: Asking): [ComponentChildren, string, string, string] {
  const some = results(rows.length);
  if (what === "replace") {
    return [<><code>{name}</code> is there already, a {taken}.</>, "What it holds would be lost.", "Replace it", "Leave it"];
  }
  if (what === "rebuild") {
    return ["Rebuild the catalog?", "It is made anew from the results, which are not touched.", "Rebuild", "Leave it"];
  }
  if (what === "export") {
    const page = desk.page.value;
    const all = page.state === "ready" ? `all ${results(page.value.total)} shown` : "all";
    const where = desk.alone ? "which your browser keeps." : "beside the notebook.";
    return [`Export ${rows.length ? some : all} to`, where, "Export", "Cancel"];
  }
  const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
  const price = rows.reduce((sum, row) => sum + row.price, 0);
  const cost = price > 0 ? `${duration(seconds)} and ${money(price)}` : duration(seconds);
  const [one, two] = rows;
  const named = one && !two ? <code>{cut(one.call, 80)}</code> : some;
  return [<>Forget {named}?</>, `Having ${two ? "them" : "it"} again takes ${cost}.`, "Forget", "Keep"];
}

export const takeFocus = (element: HTMLElement | null) => element?.focus();

/** Put the focus where a reader goes on, once what they left is drawn away. */
export function focusSoon(from: Element, selector: string): void {
  const root = from.getRootNode() as ShadowRoot;
  setTimeout(() => root.querySelector<HTMLElement>(selector)?.focus());
}
