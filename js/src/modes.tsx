// What is done on a hit and on a miss, to see and to change.

import type { Desk } from "./desk";

export const MODES: Record<string, string> = {
  auto: "returns what is kept and runs the rest.",
  record: "runs everything again and keeps it.",
  replay: "runs nothing: what is not kept fails.",
  off: "runs everything and keeps nothing.",
};

/** `set` is what was set for a name, empty where nothing was: then it is as its mark gives it, else as the spot. */
export function ModeChoice({ desk, name, mode, set, given }: { desk: Desk; name: string; mode: string; set?: string; given?: string }) {
  if (!desk.steerable) return <>{mode}</>;
  const unset = given ? `as marked: ${given}` : `inherit (${desk.totals.value?.mode ?? mode})`;
  return (
    <select
      class={mode === "auto" && !set ? "mode" : "mode set"}
      aria-label={`Mode of ${name || "the spot"}`}
      title={`${mode} ${MODES[mode] ?? ""}`}
      value={set ?? mode}
      onChange={(event) => void desk.setMode(name, event.currentTarget.value)}
    >
      {set !== undefined && <option value="">{unset}</option>}
      {[...new Set([...Object.keys(MODES), mode])].map((one) => <option key={one} value={one}>{one}</option>)}
    </select>
  );
}
