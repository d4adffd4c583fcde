// What a reader is asked before it is done: what it means, yes or no.

import type { ComponentChildren } from "preact";
import type { Asking, Desk } from "./desk";
import type { Row } from "./wire";
import { duration, entries, money, number } from "./words";

/** A button that asks. */
export function Asks({ desk, what, rows = [], children }: {
  desk: Desk;
  what: Asking["what"];
  rows?: readonly Row[];
  children: ComponentChildren;
}) {
  return (
    <button class={LOOKS[what]} data-ask={what} onClick={() => (desk.asking.value = { what, rows })}>
      {children}
    </button>
  );
}

const LOOKS = { forget: "danger", export: "", rebuild: "plain link" };

/** Whether something is asked about entries. */
export function asksHere({ asking }: Desk): boolean {
  return !!asking.value && asking.value.what !== "rebuild";
}

export function Question({ desk }: { desk: Desk }) {
  const asking = desk.asking.value as Asking;
  const { what, busy } = asking;
  const [title, meaning, yes, no] = worded(desk, asking);
  const close = (event: { currentTarget: Element }) => {
    desk.asking.value = null;
    focusSoon(event.currentTarget, `[data-ask="${what}"]`);
  };
  return (
    <div
      class={`bar ${what === "forget" ? "confirm" : ""}`}
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
        <button class={what === "forget" ? "danger solid" : ""} disabled={busy}>{yes}</button>
        <button type="button" ref={what === "export" ? null : takeFocus} onClick={close}>{no}</button>
      </form>
    </div>
  );
}

/** What is asked, what it means, and the two answers. */
function worded(desk: Desk, { what, rows }: Asking): [ComponentChildren, string, string, string] {
  const some = entries(rows.length);
  if (what === "rebuild") {
    return ["Rebuild the catalog?", "It is made anew from the entries, which are not touched.", "Rebuild", "Leave it"];
  }
  if (what === "export") {
    const page = desk.page.value;
    const all = page.state === "ready" ? `all ${number(page.value.total)} shown` : "all";
    const where = desk.alone ? "which your browser keeps." : "beside the notebook.";
    return [`Export ${rows.length ? some : all} to`, where, "Export", "Cancel"];
  }
  const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
  const price = rows.reduce((sum, row) => sum + row.price, 0);
  const cost = price > 0 ? `${duration(seconds)} and ${money(price)}` : duration(seconds);
  const [one, two] = rows;
  const named = one && !two ? <code>{one.name}</code> : some;
  return [<>Forget {named}?</>, `Having ${two ? "them" : "it"} again takes ${cost}.`, "Forget", "Keep"];
}

export const takeFocus = (element: HTMLElement | null) => element?.focus();

/** Put the focus where a reader goes on, once what they left is drawn away. */
export function focusSoon(from: Element, selector: string): void {
  const root = from.getRootNode() as ShadowRoot;
  setTimeout(() => root.querySelector<HTMLElement>(selector)?.focus());
}
