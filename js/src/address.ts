// Where the page of `spotmagic ui` stands, in its address: back goes back, a reload shows the same, a link can be kept.

import { type Desk, START } from "./desk";
import type { Query } from "./wire";

const KEPT = ["search", "name", "kind", "status", "model", "tag", "order"] as const;
const KEY = /^[0-9a-f]{32}$/;

export class Address {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
    addEventListener("popstate", this.#read);
    if (location.hash) queueMicrotask(this.#read);
  }

  close(): void {
    removeEventListener("popstate", this.#read);
  }

  /** Put what is shown into the address. */
  write(): void {
    const { view, open, query } = this.#desk;
    const said = new URLSearchParams();
    for (const name of KEPT) if (query.value[name] !== START[name]) said.set(name, query.value[name]);
    if (query.value.offset) said.set("offset", String(query.value.offset));
    const text = said.size ? `?${said}` : "";
    const hash = `#${open.value ? `result/${open.value}` : encodeURIComponent(view.value)}${text}`;
    if (hash === location.hash) return;
    const typed = unsearched(hash) === unsearched(location.hash);
    history[typed ? "replaceState" : "pushState"](null, "", hash);
  }

  readonly #read = (): void => {
    const [path = "", text = ""] = location.hash.slice(1).split("?");
    const said = new URLSearchParams(text);
    const query: Query = { ...START };
    for (const name of KEPT) query[name] = said.get(name) ?? START[name];
    query.offset = Math.max(0, Math.trunc(Number(said.get("offset"))) || 0);
    const [view = "", key = ""] = path.split("/");
    if (view === "result" && KEY.test(key)) this.#desk.go("entries", key, query);
    else this.#desk.go(decoded(view) || "entries", null, query);
  };
}

/** An address without its search: each letter that is typed is no step of its own. */
function unsearched(hash: string): string {
  return hash.replace(/search=[^&]*&?/, "").replace(/[?&]$/, "");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
