// What was spent, what runs, and what is wrong: the numbers and their pictures.

import { describe, expect, it, vi } from "vitest";
import { runsOf } from "../src/runs";
import type { FunctionRow, Run, Spending } from "../src/wire";
import { choose, click, FakeModel, opened, page, row, settled, totals } from "./fake";

async function show(more: Record<string, (params: any) => unknown> = {}, state: object = {}, extra: object = {}) {
  const shown = await opened([row(1)], more, state, extra);
  return { ...shown, click: (name: string) => click(shown.root, name) };
}

const run = (change: Partial<Run>): Run => ({
  key: "0a", name: "ask", kind: "function", verdict: "ran", reason: "first run", started: 100, seconds: 2, price: 0, waited: 0,
  stored: true, error: "", times: 1, ...change,
});

const bucket = { hits: 1, misses: 2, paid: 0.5, saved: 0.25, seconds: 4, seconds_saved: 2 };

describe("what was spent", () => {
  const spending = (span: Spending["span"], step: number): Spending => ({ span, step, buckets: [0, 1, 2].map((n) => ({ ...bucket, at: 1_800_000_000 + n * step })) });

  it("is drawn over a day, and over a week and all time on request, with a table behind it", async () => {
    const asked: string[] = [];
    const { root, click, text } = await show({
      totals: () => totals({ spending: spending("day", 3600) }),
      spending: ({ span }) => (asked.push(span), spending(span, 86_400)),
    });
    expect(text()).toContain("saved $0.75");
    expect(text()).toContain("paid $1.50");
    const chart = root.querySelector(".spending svg[role=img]");
    expect(chart?.getAttribute("aria-label")).toBe("Saved and paid by hour");
    expect(chart?.querySelectorAll(".up").length).toBe(3);
    const table = root.querySelector(".spending table");
    expect([...(table?.querySelectorAll("tr") ?? [])].length).toBe(4);
    expect(table?.querySelector("tr:last-child")?.textContent).toContain("$0.25$0.5012");
    await click("7 days");
    expect(asked).toEqual(["week"]);
    expect(root.querySelector(".spending svg")?.getAttribute("aria-label")).toBe("Saved and paid by day");
    expect(root.querySelector(".spans [aria-pressed=true]")?.textContent).toBe("7 days");
    await click("24 h");
    expect(root.querySelector(".spending svg")?.getAttribute("aria-label")).toBe("Saved and paid by hour");
  });

  it("is told in time where nothing has a price", async () => {
    const { text } = await show({ totals: () => totals({ price_paid: 0, price_saved: 0, spending: spending("day", 3600) }) });
    expect(text()).toContain("saved 6.0 s");
    expect(text()).toContain("run time 12 s");
  });
});

describe("what runs now", () => {
  it("is shown with how long it has, as the feed tells it", async () => {
    const feed = new FakeModel({ beat: {} });
    const { root, text } = await show({}, { feed: "f" }, { host: { getModel: async () => feed } });
    expect(root.querySelector(".running")).toBe(null);
    const now = Date.now() / 1000;
    feed.set("beat", { running: [{ name: "train", kind: "function", since: now - 12 }, ...["a", "b", "c"].map((name) => ({ name, kind: "cell", since: now }))] });
    await settled();
    expect(root.querySelector(".running li")?.textContent).toMatch(/^trainis running, for 12 ssince \d\d:\d\d$/);
    expect(text()).toContain("and 1 more");
    vi.advanceTimersByTime(3000);
    await settled();
    expect(root.querySelector(".running li")?.textContent).toContain("for 15 s");
    feed.set("beat", { running: [] });
    await settled();
    expect(root.querySelector(".running")).toBe(null);
  });

  it("is shown where nothing was ever kept", async () => {
    const none = totals({ entries: 0, hits: 0, misses: 0, statuses: [], running: [{ name: "train", kind: "function", since: 1 }] });
    const { text } = await show({ totals: () => none }, { first: { totals: none, page: page([]) } });
    expect(text()).toContain("train");
    expect(text()).not.toContain("Nothing is kept here yet");
  });
});

describe("what is wrong", () => {
  it("stands first, with what is paid for again and again", async () => {
    const { root } = await show({ totals: () => totals({ unkept: [{ name: "ask", kind: "function", never: true, why: "it changes `llm`", runs: 12, paid: 3.2 }] }) });
    expect(root.querySelector(".bar.warn")?.textContent).toBe("ask is never kept: it changes llm12 runs, $3.20");
    expect([...root.querySelectorAll(".bar.warn code")].map((one) => one.textContent)).toEqual(["ask", "llm"]);
  });

  it("is not that numbers are still being counted: that is said, and they follow", async () => {
    let ready = false;
    const refuse = () => {
      throw Object.assign(new Error("being counted"), { type: "Counting" });
    };
    const { model, text } = await show({ totals: () => totals({ counting: !ready, entries: ready ? 7 : 0 }), entries: () => (ready ? page([row(1)]) : refuse()) }, { first: {} });
    expect(text()).toContain("New results are being counted.");
    expect(text()).not.toContain("Nothing is kept");
    ready = true;
    vi.advanceTimersByTime(1100);
    await settled();
    expect(text()).not.toContain("being counted");
    const before = model.asked("totals").length;
    vi.advanceTimersByTime(3000);
    await settled();
    expect(model.asked("totals").length).toBe(before);
  });
});

describe("runs", () => {
  it("are parted where nothing happened for a while, the newest first", () => {
    const lots = runsOf([run({ started: 500, name: "c" }), run({ started: 103, waited: 100, name: "b" }), run({ started: 100, name: "a" }), run({ started: 320, name: "d", verdict: "hit", seconds: 900 })]);
    expect(lots.map(({ calls, from, to }) => [calls.map((one) => one.name).join(""), from, to])).toEqual([["c", 500, 502], ["dba", 100, 320]]);
  });

  it("show what waited and ran when, with failures and their message, and can be filtered", async () => {
    const { root, click, text } = await show({
      runs: () => ({ rows: [run({ started: 110, error: "ValueError: no answer", stored: false, name: "bad" }), run({ started: 100, waited: 4, price: 0.5 }), run({ started: 99, verdict: "hit", times: 3, name: "kept" })] }),
    });
    await click("Runs");
    expect(root.querySelector(".lot")?.textContent).toContain("3 hits, 1 ran, 1 failed · 13 s · $0.50");
    expect(text()).toContain("ValueError: no answer");
    const [, bad, ran, hit] = [...root.querySelectorAll(".runs tr")].slice(1).map((one) => one.querySelector(".fall"));
    const box = (fall: Element | null | undefined, part: string) => fall?.querySelector(part) && ["x", "width"].map((name) => Math.round(Number(fall.querySelector(part)?.getAttribute(name))));
    expect(bad?.getAttribute("class")).toContain("failed");
    expect([box(ran, ".waited"), box(ran, ".ran")]).toEqual([[8, 31], [38, 15]]);
    expect(box(hit, ".ran")).toEqual([0, 1]);
    const select = root.querySelector('select[aria-label="What came of it"]') as HTMLSelectElement;
    await choose(select, "failed");
    expect(root.querySelectorAll(".runs tbody tr:not(.lot)").length).toBe(1);
    await choose(select, "unkept");
    await click("Show all calls");
    expect(root.querySelectorAll(".runs tbody tr:not(.lot)").length).toBe(3);
  });
});

describe("functions", () => {
  const use: FunctionRow = {
    name: "ask", kind: "function", entries: 2, bytes: 1500, calls: 3, hits: 1, misses: 2, seconds: 4, seconds_saved: 2, price_paid: 1,
    price_saved: 0.5, errors: 0, last: 1, mode: "auto", set: "", given: "", rate: [[0, 2], [1, 0]],
  };
  const detail = {
    row: use, latency: { median: 1, slow: 3, most: 5 }, outcomes: { hit: 1, ran: 2, "not stored": 1 }, runs: [run({})],
    models: [{ model: "gpt-5", runs: 2, hits: 1, input_tokens: 1200, output_tokens: 1, paid: 1, saved: 0.5 }],
  };

  it("draw their hit rates and bytes, and open in full", async () => {
    const { root, click, text } = await show({ functions: () => ({ rows: [use] }), function: () => detail });
    await click("Functions");
    expect(root.querySelector(".hitrate")?.getAttribute("aria-label")).toBe("ask: 33% hits, from the first call to now");
    expect(text()).toContain("1.5 kB");
    await click("More about ask");
    expect(text()).toContain("1.0 s half of the time, 3.0 s in 9 of 10, at most 5.0 s");
    expect(text()).toContain("1 hit, 2 ran, 1 not kept");
    expect(root.querySelector('table[aria-label="By model"] tbody')?.textContent).toBe("gpt-5211,200 tokens1 token$1.00$0.50");
    await click("More about ask");
    expect(text()).not.toContain("half of the time");
  });
});

describe("a view that goes", () => {
  it("says so, as the folder need not be watched for it any more", async () => {
    const { model, end } = await show();
    end();
    const view = String(model.sent[0].rid).split(".")[0];
    expect(model.sent.at(-1)).toEqual({ t: "left", view });
  });

  it("leaves no trace when its kernel is gone", async () => {
    const { model, end } = await show();
    model.broken = true;
    expect(end).not.toThrow();
  });
});
