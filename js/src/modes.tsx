// What is done on a hit and on a miss, to see and to change.

import type { Desk } from "./desk";

export const MODES: Record<string, string> = {
  auto: "returns what is kept and runs the rest.",
  record: "runs everything again and keeps it.",
  replay: "runs nothing: what is not kept fails.",
  off: "runs everything and keeps nothing.",
};

export function ModeChoice({ desk, name, mode }: { desk: Desk; name: string; mode: string }) {
  if (!desk.steerable) return <>{mode}</>;
  return (
    <select
      class={mode === "auto" ? "mode" : "mode set"}
      aria-label={`Mode of ${name || "the spot"}`}
      title={`${mode} ${MODES[mode] ?? ""}`}
      value={mode}
      onChange={(event) => void desk.setMode(name, event.currentTarget.value)}
    >
      {[...new Set([...Object.keys(MODES), mode])].map((one) => <option key={one} value={one}>{one}</option>)}
    </select>
  );
}
