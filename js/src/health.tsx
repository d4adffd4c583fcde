// How store and catalog stand: quiet while all is fine, in full sentences when something is not.

import { Asks, Question } from "./ask";
import type { Desk } from "./desk";
import type { Totals } from "./wire";
import { ago } from "./words";

export function HealthLine({ desk, totals: { health } }: { desk: Desk; totals: Totals }) {
  const { text, trouble, notes, checking, checked, folder } = health;
  return (
    <section class="health muted" aria-label="Health">
      <div role="status">
        {trouble.map((one) => <p class="bar warn" key={one}>{one}</p>)}
        <span>{[text, ...notes, checking && "All entries are being checked."].filter(Boolean).join(" ")}</span>
      </div>
      {checked && !checking && <span>{checked.text}, checked {ago(checked.at, desk.now.value)}</span>}
      {desk.steerable && (
        <>
          <span class="grow" />
          {folder && <button class="plain link" disabled={!!checking} onClick={() => void desk.check()}>Check all entries</button>}
          <Asks desk={desk} what="rebuild">Rebuild the catalog…</Asks>
        </>
      )}
      {desk.asking.value?.what === "rebuild" && <Question desk={desk} />}
    </section>
  );
}
