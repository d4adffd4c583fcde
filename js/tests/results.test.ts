import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isMarkdown } from "../src/markdown";
import { render } from "../src/widget";
import type { Preview, Row } from "../src/wire";
import { FakeModel, first, page, row, settled, totals } from "./fake";

let ends: (() => void)[] = [];

function show(model: FakeModel) {
  const el = document.createElement("div");
  document.body.append(el);
  ends.push(render({ model, el }));
  const root = el.shadowRoot as ShadowRoot;
  return { root, text: () => root.textContent ?? "" };
}

const ROWS = [row(0), row(1), row(2), row(3)];

function backend(more: Record<string, (params: any) => unknown> = {}, rows: Row[] = ROWS) {
  return (method: string, params: any) => {
    if (more[method]) return more[method](params);
    if (method === "totals") return totals();
    if (method === "entries") return page(rows);
    if (method === "facets") return { status: [["live", 4], ["corrupt", 1]], tag: [["drifted", 2]], kind: [["function", 4]] };
    if (method === "entry") {
      return { row: rows.find((one) => one.key === params.key), parts: [{ name: "value", label: "value", type: "str", size: 3, free: "result_2" }], inputs: [], remarks: [], runs: [], source: "", diff: null, missing: null, drifted: false, drift: [] };
    }
    if (method === "preview") return { view: "text", text: "kept", size: 4, whole: true };
    return {};
  };
}

function control<T extends Element = HTMLButtonElement>(root: ParentNode, name: string): T {
  const found = [...root.querySelectorAll("button, select, input")].find((one) => (one.getAttribute("aria-label") ?? one.textContent)?.trim() === name);
  if (!found) throw new Error(`no ${name}`);
  return found as T;
}

function choose(select: HTMLSelectElement, value: string) {
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

async function opened(preview: Preview, more: Record<string, (params: any) => unknown> = {}) {
  const model = new FakeModel({ first: first() }, backend({ preview: () => preview, ...more }));
  const shown = show(model);
  await settled();
  control(shown.root, "summarise_1").click();
  await settled();
  return { model, ...shown };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] }));

afterEach(() => {
  for (const end of ends) end();
  ends = [];
  document.body.replaceChildren();
  history.replaceState(null, "", location.pathname);
  vi.useRealTimers();
});

describe("filters", () => {
  it("tell how many results each value has, and have one word for no filter", async () => {
    const model = new FakeModel({ first: first() }, backend());
    const { root, text } = show(model);
    await settled();
    const options = [...control<HTMLSelectElement>(root, "Status").options].map((one) => [one.value, one.textContent]);
    expect(options).toEqual([["all", "any status"], ["live", "current (4)"], ["corrupt", "damaged (1)"]]);
    choose(control<HTMLSelectElement>(root, "Status"), "all");
    await settled();
    expect([...control<HTMLSelectElement>(root, "Status").options].map((one) => one.textContent)).toEqual(["any status", "current (4)", "damaged (1)"]);
    expect(text()).not.toContain("all kinds");
    choose(control<HTMLSelectElement>(root, "Tag"), "drifted");
    await settled();
    expect(model.asked("entries").at(-1).params).toMatchObject({ tag: "drifted", status: "all", offset: 0 });
  });

  it("leave no stray number behind where there is nothing to export", async () => {
    const { root } = show(new FakeModel({ first: first([]) }, backend({}, [])));
    await settled();
    expect(root.querySelector(".toolbar")?.textContent).not.toMatch(/0$/);
  });
});

describe("choosing", () => {
  it("takes all between two with shift, and lets them go again", async () => {
    const { root, text } = show(new FakeModel({ first: first(ROWS) }, backend()));
    await settled();
    const box = (n: number) => [...root.querySelectorAll<HTMLInputElement>("tbody input")][n] as HTMLInputElement;
    const click = async (n: number, shiftKey = false) => {
      box(n).dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey }));
      await settled();
    };
    await click(0);
    await click(2, true);
    expect(text()).toContain("3 chosen");
    expect(box(3).checked).toBe(false);
    await click(1, true);
    expect(text()).toContain("1 chosen");
  });
});

describe("a row", () => {
  it("has its picture, its type and its tags, and forgets in two clicks", async () => {
    const told = row(1, { thumb: "iVBORw0KGgo=", type: "DataFrame, 3 × 2", result: "city, rain", pinned: true, drifted: true, status: "corrupt" });
    const model = new FakeModel({ first: first([told]) }, backend({ forget: () => ({ forgotten: 1 }) }, [told]));
    const { root, text } = show(model);
    await settled();
    expect(root.querySelector<HTMLImageElement>(".thumb")?.src).toBe("data:image/png;base64,iVBORw0KGgo=");
    expect(root.querySelector(".came")?.textContent).toBe("city, rainDataFrame, 3 × 2");
    expect([...root.querySelectorAll("tbody .tag")].map((one) => one.textContent)).toEqual(["damaged", "drifted", "pinned"]);
    control(root, "Forget summarise_1…").click();
    await settled();
    expect(text()).toContain("Having it again takes 1.2 s and $0.002.");
    control(root, "Forget").click();
    await settled();
    expect(model.asked("forget")[0].params).toEqual({ keys: [told.key] });
  });

  it("of calls that were never kept says why, and offers nothing", async () => {
    const never = row(1, { key: "", name: "ask", call: "ask", status: "never kept", result: "changed `llm`" });
    const { root } = show(new FakeModel({ first: first([never]) }, backend({}, [never])));
    await settled();
    expect(root.querySelector(".came code")?.textContent).toBe("llm");
    expect(root.querySelector("tbody input, tbody button")).toBeNull();
    expect(root.querySelector("tbody .tag")?.textContent).toBe("never kept");
  });
});

describe("an address", () => {
  const place = { place: "page", first: first() };

  it("of the page follows filters and results, and leads back to them", async () => {
    const model = new FakeModel(place, backend());
    const { root, text } = show(model);
    await settled();
    choose(control<HTMLSelectElement>(root, "Status"), "all");
    await settled();
    expect(location.hash).toBe("#entries?status=all");
    control(root, "summarise_1").click();
    await settled();
    expect(location.hash).toBe(`#result/${row(1).key}?status=all`);
    history.replaceState(null, "", "#entries?status=all&search=tide&order=-last&offset=50");
    dispatchEvent(new PopStateEvent("popstate"));
    await settled();
    expect(model.asked("entries").at(-1).params).toMatchObject({ status: "all", search: "tide", order: "-last", offset: 50 });
    expect(text()).toContain("summarise_1");
  });

  it("is kept by a reload", async () => {
    history.replaceState(null, "", `#result/${row(2).key}`);
    const { root } = show(new FakeModel(place, backend()));
    await settled();
    expect(root.querySelector("h3")?.textContent).toBe("summarise_2");
  });

  it("of the page only: a notebook's stays as it is", async () => {
    const { root } = show(new FakeModel({ first: first() }, backend()));
    await settled();
    control(root, "summarise_1").click();
    await settled();
    expect(location.hash).toBe("");
  });

  it("that makes no sense shows the results", async () => {
    history.replaceState(null, "", "#%E0%A4%A?offset=-7&order=");
    const { root } = show(new FakeModel(place, backend()));
    await settled();
    expect(root.querySelectorAll("tbody tr")).toHaveLength(4);
  });
});

describe("loading into a variable", () => {
  it("proposes a free name, and asks before a name that there is", async () => {
    const asked: any[] = [];
    const load = (params: any) => (asked.push(params), { name: params.name, taken: params.over ? "" : "Spot" });
    const { root, text } = await opened({ view: "text", text: "kept", size: 4, whole: true }, { load });
    const input = control<HTMLInputElement>(root, "Variable to load into");
    expect(input.value).toBe("result_2");
    input.value = "spot";
    input.form?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await settled();
    expect(text()).toContain("spot is there already, a Spot.What it holds would be lost.");
    root.querySelector<HTMLFormElement>("[role=alertdialog] form")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await settled();
    expect(asked.map((one) => one.over)).toEqual([false, true]);
    expect(text()).toContain("spot now holds a copy of it.");
    expect(root.querySelector("[role=alertdialog]")).toBeNull();
  });
});

describe("a preview", () => {
  const text = (words: string, more = {}): Preview => ({ view: "text", text: words, size: words.length, whole: true, ...more });

  it("sets Markdown as elements, and shows the text itself on request", async () => {
    const words = "# Tide\n\nThe **sea** *turns* at `noon`:\n\n1. ebb\n   - low\n2. flood\n\n> so it goes\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```py\nx = '<b>'\n```\n[out](http://x.y/z) ![pic](http://x.y/p.png)";
    const { root } = await opened(text(words));
    const set = root.querySelector(".markdown") as HTMLElement;
    const tags = [...set.querySelectorAll("*")].map((one) => one.localName);
    expect(new Set(tags)).toEqual(new Set("h1 p strong em code ol li ul blockquote table thead tr th tbody td pre span".split(" ")));
    expect(set.querySelector("pre")?.textContent).toBe("x = '<b>'");
    expect(set.querySelector("ol > li > ul > li")?.textContent).toBe("low");
    expect([...set.querySelectorAll(".away")].map((one) => [one.textContent, one.getAttribute("title")])).toEqual([["out", "http://x.y/z"], ["pic", "http://x.y/p.png"]]);
    control(root, "Show as text").click();
    await settled();
    expect(root.querySelector("pre.text")?.textContent).toBe(words);
  });

  it.each(["a plain answer", "2 * 3 * 4", "snake_case_name", "a < b > c", "-5", "x = [1](2"])("leaves %j as it is", (words) => {
    expect(isMarkdown(words)).toBe(false);
  });

  it.each(["`".repeat(20_000), "*a ".repeat(13_000), "[".repeat(40_000), "- ".repeat(20_000), "> ".repeat(20_000), "_a ".repeat(13_000), "**".repeat(20_000), "|".repeat(40_000), "~~a".repeat(13_000), `${"- a\n  ".repeat(5000)}`])("sets a text of %.6s… without end in no time", async (words) => {
    const began = performance.now();
    const { root } = await opened(text(words, { markdown: true }));
    expect(root.querySelector(".markdown")).not.toBeNull();
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("of an object begins with what it says, and of an embedding draws it", async () => {
    const answer = await opened({ view: "tree", tree: { type: "ChatCompletion", size: 0, children: [] }, whole: true, name: "choices[0].message.content", main: text("The tide turns.") });
    expect(answer.text()).toContain("choices[0].message.contentThe tide turns.");
    const drawn = await opened({ view: "strip", type: "float32", size: 1536, values: [1, -0.5, 0], low: -0.5, high: 1, norm: 1.12, first: ["1", "-0.5"] });
    expect(drawn.root.querySelector(".strip")?.getAttribute("aria-label")).toBe("1,536 numbers from -0.500 to 1.00");
    expect(drawn.root.querySelector(".strip path")?.getAttribute("d")).toBe("M0.5 20V1.0M1.5 20V29.5M2.5 20V20.0");
  });

  it("of a pickle is the text it told of itself, and its bytes only when asked for", async () => {
    const { root, model, text: shown } = await opened({ view: "hex", hex: "", size: 70, why: "It is kept as a pickle.", type: "Forecast", text: "Forecast(rain=0.4)" });
    expect(root.querySelector("pre.text")?.textContent).toBe("Forecast(rain=0.4)");
    expect(root.querySelector(".hex")).toBeNull();
    expect(shown()).toContain("Forecast 70 B. It is kept as a pickle.");
    control(root, "Show its bytes").click();
    await settled();
    expect(model.asked("preview").at(-1).params.all).toBe(true);
  });
});
