import { describe, expect, it } from "vitest";
import { isMarkdown } from "../src/markdown";
import type { Preview, Row } from "../src/wire";
import { choose, click, control, first, opened, page, row, settled } from "./fake";

const ROWS = [row(0), row(1), row(2), row(3)];

const FACETS = () => ({ status: [["live", 4], ["corrupt", 1]], tag: [["drifted", 2]], kind: [["function", 4]] });

async function shown(rows: Row[] = ROWS, more: Record<string, (params: any) => unknown> = {}, state: object = {}) {
  return opened(rows, { facets: FACETS, entries: () => page(rows), ...more }, { first: first(rows), ...state });
}

async function looked(preview: Preview, more: Record<string, (params: any) => unknown> = {}) {
  const panel = await shown(ROWS, { preview: () => preview, ...more });
  await click(panel.root, "summarise_1");
  return panel;
}

describe("filters", () => {
  it("tell how many results each value has, and have one word for no filter", async () => {
    const { model, root, text } = await shown();
    const options = [...control<HTMLSelectElement>(root, "Status").options].map((one) => [one.value, one.textContent]);
    expect(options).toEqual([["all", "any status"], ["live", "current (4)"], ["corrupt", "damaged (1)"]]);
    await choose(control<HTMLSelectElement>(root, "Status"), "all");
    expect([...control<HTMLSelectElement>(root, "Status").options].map((one) => one.textContent)).toEqual(["any status", "current (4)", "damaged (1)"]);
    expect(text()).not.toContain("all kinds");
    await choose(control<HTMLSelectElement>(root, "Tag"), "drifted");
    expect(model.asked("entries").at(-1).params).toMatchObject({ tag: "drifted", status: "all", offset: 0 });
  });

  it("leave no stray number behind where there is nothing to export", async () => {
    const { root } = await shown([]);
    expect(root.querySelector(".toolbar")?.textContent).not.toMatch(/0$/);
  });
});

describe("choosing", () => {
  it("takes all between two with shift, and lets them go again", async () => {
    const { root, text } = await shown();
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
    const { model, root, text } = await shown([told], { forget: () => ({ forgotten: 1 }) });
    expect(root.querySelector<HTMLImageElement>(".thumb")?.src).toBe("data:image/png;base64,iVBORw0KGgo=");
    expect(root.querySelector(".came")?.textContent).toBe("city, rainDataFrame, 3 × 2");
    expect([...root.querySelectorAll("tbody .tag")].map((one) => one.textContent)).toEqual(["damaged", "drifted", "pinned"]);
    await click(root, "Forget summarise_1…");
    expect(text()).toContain("Having it again takes 1.2 s and $0.002.");
    await click(root, "Forget");
    expect(model.asked("forget")[0].params).toEqual({ keys: [told.key] });
  });

  it("of calls that were never kept says why, and offers nothing", async () => {
    const never = row(1, { key: "", name: "ask", call: "ask", status: "never kept", result: "changed `llm`" });
    const { root } = await shown([never]);
    expect(root.querySelector(".came code")?.textContent).toBe("llm");
    expect(root.querySelector("tbody input, tbody button")).toBeNull();
    expect(root.querySelector("tbody .tag")?.textContent).toBe("never kept");
  });
});

describe("an address", () => {
  const onPage = () => shown(ROWS, {}, { place: "page" });

  it("of the page follows filters and results, and leads back to them", async () => {
    const { model, root, text } = await onPage();
    await choose(control<HTMLSelectElement>(root, "Status"), "all");
    expect(location.hash).toBe("#entries?status=all");
    await click(root, "summarise_1");
    expect(location.hash).toBe(`#result/${row(1).key}?status=all`);
    history.replaceState(null, "", "#entries?status=all&search=tide&order=-last&offset=50");
    dispatchEvent(new PopStateEvent("popstate"));
    await settled();
    expect(model.asked("entries").at(-1).params).toMatchObject({ status: "all", search: "tide", order: "-last", offset: 50 });
    expect(text()).toContain("summarise_1");
  });

  it("is kept by a reload", async () => {
    history.replaceState(null, "", `#result/${row(2).key}`);
    const { root } = await onPage();
    expect(root.querySelector("h3")?.textContent).toBe("summarise_2");
  });

  it("of the page only: a notebook's stays as it is", async () => {
    const { root } = await shown();
    await click(root, "summarise_1");
    expect(location.hash).toBe("");
  });

  it("that makes no sense shows the results", async () => {
    history.replaceState(null, "", "#%E0%A4%A?offset=-7&order=");
    const { root } = await onPage();
    expect(root.querySelectorAll("tbody tr")).toHaveLength(4);
  });
});

describe("loading into a variable", () => {
  it("proposes a free name, and asks before a name that there is", async () => {
    const asked: any[] = [];
    const load = (params: any) => (asked.push(params), { name: params.name, taken: params.over ? "" : "Spot" });
    const { root, text } = await looked({ view: "text", text: "kept", size: 4, whole: true }, { load });
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
    const { root } = await looked(text(words));
    const set = root.querySelector(".markdown") as HTMLElement;
    const tags = [...set.querySelectorAll("*")].map((one) => one.localName);
    expect(new Set(tags)).toEqual(new Set("h1 p strong em code ol li ul blockquote table thead tr th tbody td pre span".split(" ")));
    expect(set.querySelector("pre")?.textContent).toBe("x = '<b>'");
    expect(set.querySelector("ol > li > ul > li")?.textContent).toBe("low");
    expect([...set.querySelectorAll(".away")].map((one) => [one.textContent, one.getAttribute("title")])).toEqual([["out", "http://x.y/z"], ["pic", "http://x.y/p.png"]]);
    await click(root, "Show as text");
    expect(root.querySelector("pre.text")?.textContent).toBe(words);
  });

  it.each(["a plain answer", "2 * 3 * 4", "snake_case_name", "a < b > c", "-5", "x = [1](2"])("leaves %j as it is", (words) => {
    expect(isMarkdown(words)).toBe(false);
  });

  it.each(["`".repeat(20_000), "*a ".repeat(13_000), "[".repeat(40_000), "- ".repeat(20_000), "> ".repeat(20_000), "_a ".repeat(13_000), "**".repeat(20_000), "|".repeat(40_000), "~~a".repeat(13_000), `${"- a\n  ".repeat(5000)}`])("sets a text of %.6s… without end in no time", async (words) => {
    const began = performance.now();
    const { root } = await looked(text(words, { markdown: true }));
    expect(root.querySelector(".markdown")).not.toBeNull();
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("of an object begins with what it says, and of an embedding draws it", async () => {
    const answer = await looked({ view: "tree", tree: { type: "ChatCompletion", size: 0, children: [] }, whole: true, name: "choices[0].message.content", main: text("The tide turns.") });
    expect(answer.text()).toContain("choices[0].message.contentThe tide turns.");
    const drawn = await looked({ view: "strip", type: "float32", size: 1536, values: [1, -0.5, 0], low: -0.5, high: 1, norm: 1.12, first: ["1", "-0.5"] });
    expect(drawn.root.querySelector(".strip")?.getAttribute("aria-label")).toBe("1,536 numbers from -0.500 to 1.00");
    expect(drawn.root.querySelector(".strip path")?.getAttribute("d")).toBe("M0.5 20V1.0M1.5 20V29.5M2.5 20V20.0");
  });

  it("of a pickle is the text it told of itself, and its bytes only when asked for", async () => {
    const { root, model, text: words } = await looked({ view: "hex", hex: "", size: 70, why: "It is kept as a pickle.", type: "Forecast", text: "Forecast(rain=0.4)" });
    expect(root.querySelector("pre.text")?.textContent).toBe("Forecast(rain=0.4)");
    expect(root.querySelector(".hex")).toBeNull();
    expect(words()).toContain("Forecast 70 B. It is kept as a pickle.");
    await click(root, "Show its bytes");
    expect(model.asked("preview").at(-1).params.all).toBe(true);
  });
});
