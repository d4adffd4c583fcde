import { describe, expect, it, vi } from "vitest";
import type { Preview, Row } from "../src/wire";
import { backend, choose, click, control, FakeModel, first, opened, page, press, row, settled, show, totals } from "./fake";

const HOSTILE = '<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>';

describe("batches", () => {
  const row = {
    id: "2026 ask", name: "ask", status: "running", total: 10, done: 4, failed: 1, started: 1_800_000_000,
    text: "4 of 10 · 1 failed · 2 waiting for openai", words: ["pause", "stop"],
  };

  it("shows how far each is, asks it, and opens what failed with its traceback", async () => {
    const asked: unknown[] = [];
    const { root, text } = await opened([], {
      totals: () => totals({ views: ["entries", "runs", "functions", "batches"] }),
      batches: () => ({ rows: [row] }),
      batch_failed: () => ({ total: 1, rows: [{ index: 3, shown: HOSTILE, kind: "ValueError", message: "no", attempts: 2, traceback: `Traceback ${HOSTILE}`, at: 1 }] }),
      ask_batch: (params) => (asked.push(params), params),
    });
    await click(root, "Batches");
    expect(text()).toContain("2 waiting for openai");
    expect(root.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")).toBe("4");
    await click(root, "Pause");
    expect(asked).toEqual([{ id: "2026 ask", word: "pause" }]);
    await click(root, "Show 1 failed input");
    expect(root.querySelector("details pre")?.textContent).toContain("Traceback <img");
    expect(root.querySelector("details img")).toBe(null);
    await click(root, "Hide what failed");
    expect(root.querySelector("details pre")).toBe(null);
  });

  it("follows them while they are looked at", async () => {
    const { model, root } = await opened([], {
      totals: () => totals({ views: ["entries", "batches"] }),
      batches: () => ({ rows: [row] }),
    });
    await click(root, "Batches");
    const before = model.asked("batches").length;
    vi.advanceTimersByTime(2100);
    await settled();
    expect(model.asked("batches").length).toBeGreaterThan(before);
  });
});

describe("jobs", () => {
  const row = {
    id: "thread 0a", name: "train", status: "running", done: 4, total: 10, submitted: 1_800_000_000,
    text: "4 of 10 · counting · for 12 s", error: "", traceback: "", stoppable: true,
  };
  const failed = { ...row, id: "detached 0b", status: "failed", done: null, total: null, error: `ValueError: ${HOSTILE}`, traceback: `Traceback ${HOSTILE}`, stoppable: false };

  it("show how far they are, are stopped, and open why one failed", async () => {
    const { model, root, text } = await opened([], {
      totals: () => totals({ views: ["entries", "jobs"] }),
      jobs: () => ({ rows: [row, failed] }),
    });
    await click(root, "Jobs");
    expect(text()).toContain("4 of 10 · counting");
    expect(root.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")).toBe("4");
    await click(root, "Cancel");
    await click(root, "Stop at once");
    expect(model.asked("cancel_job").map((one) => one.params)).toEqual([{ id: "thread 0a", force: false }, { id: "thread 0a", force: true }]);
    expect(root.querySelectorAll("details").length).toBe(1);
    expect(root.querySelector("details")?.textContent).toBe(`ValueError: ${HOSTILE}Traceback ${HOSTILE}`);
    expect(root.querySelector("details img")).toBe(null);
    const before = model.asked("jobs").length;
    vi.advanceTimersByTime(1100);
    await settled();
    expect(model.asked("jobs").length).toBeGreaterThan(before);
  });
});

describe("first paint", () => {
  it("shows rows and totals from the synced trait before anything is answered", () => {
    const model = new FakeModel({ first: first() });
    model.hold = true;
    const { root, text } = show(model);
    expect(root.querySelectorAll("tbody tr").length).toBe(3);
    expect(text()).toContain("$0.018");
    expect(text()).toContain("75%");
  });

  it("asks for what is new and shows it", async () => {
    const { text } = await opened([row(7, { name: "fresh" })]);
    expect(text()).toContain("fresh");
  });

  it("shows that it loads when the trait is empty", () => {
    const model = new FakeModel({ first: {} });
    model.hold = true;
    expect(show(model).root.querySelector('[aria-label="Loading"]')).not.toBeNull();
  });

  it("teaches how to begin when nothing was ever kept", async () => {
    const none = totals({ entries: 0, hits: 0, misses: 0, statuses: [], kinds: [] });
    const { text, root } = await opened([], { totals: () => none }, { first: { totals: none, page: page([]) } });
    expect(text()).toContain("%%spot");
    expect(root.querySelector('[role="tab"]')).toBeNull();
  });
});

describe("how it stands to the kernel", () => {
  it("says so when nothing can be sent, keeps the rows, and offers nothing that changes the cache", async () => {
    const model = new FakeModel({ first: first() });
    model.broken = true;
    const { root, text } = show(model);
    await settled();
    expect(text()).toContain("Not connected to a kernel");
    expect(root.querySelectorAll("tbody tr").length).toBe(3);
    expect(root.querySelector('input[type="checkbox"]')).toBeNull();
  });

  it("says that the kernel is busy, and fills in when the answer comes late", async () => {
    const { model, root, text } = await opened();
    model.hold = true;
    control(root, "Functions").click();
    await vi.advanceTimersByTimeAsync(4000);
    expect(text()).toContain("The kernel is busy");
    model.release();
    await settled();
    expect(text()).not.toContain("The kernel is busy");
    expect(text()).toContain("No function or cell has been called yet");
  });

  it("says that no kernel has answered when it never got a word", async () => {
    const model = new FakeModel({ first: first() });
    model.hold = true;
    const { text } = show(model);
    await vi.advanceTimersByTimeAsync(4000);
    expect(text()).toContain("The kernel has not answered yet");
  });

  it("notices by itself that a kernel it waits for was restarted", async () => {
    const { model, root, text } = await opened();
    model.hold = true;
    control(root, "Functions").click();
    await vi.advanceTimersByTimeAsync(4000);
    model.broken = true;
    vi.setSystemTime(Date.now() + 11_000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(text()).toContain("Not connected to a kernel");
  });

  it("asks anew when told to look again, though an answer is still due", async () => {
    const { model, root, text } = await opened();
    model.hold = true;
    await click(root, "Look again");
    model.held.length = 0;
    model.hold = false;
    model.answer = backend([row(8, { name: "newest" })]);
    await click(root, "Look again");
    expect(text()).toContain("newest");
  });

  it("shows what went wrong in a view, and reads again on request", async () => {
    let broken = true;
    const entries = () => {
      if (broken) throw new Error("disk full");
      return page([row(1)]);
    };
    const { root, text } = await opened([], { entries }, { first: {} });
    expect(text()).toContain("disk full");
    broken = false;
    await click(root, "Try again");
    expect(text()).toContain("summarise_1");
  });
});

describe("entries", () => {
  it("keep one page request in flight and ask for the last wish afterwards", async () => {
    const { model, root } = await opened();
    model.hold = true;
    model.sent.length = 0;
    for (const name of ["Call", "Size", "Run time"]) control(root.querySelector("thead") as Element, new RegExp(`^${name}`)).click();
    await settled();
    expect(model.asked("entries").length).toBe(1);
    model.release();
    await settled();
    expect(model.asked("entries").length).toBe(2);
    expect(model.asked("entries")[1].params.order).toBe("-seconds");
  });

  it("go back to the last page that has rows when the page they stood on is gone", async () => {
    const rows = Array.from({ length: 51 }, (_, n) => row(n));
    const { root } = await opened(rows);
    await click(root, /Next/);
    expect(root.querySelectorAll("tbody tr").length).toBe(1);
    rows.pop();
    await click(root, "Look again");
    expect(root.querySelectorAll("tbody tr").length).toBe(50);
  });

  it("are searched once typing rests", async () => {
    const { model, root } = await opened();
    model.sent.length = 0;
    const input = root.querySelector('input[type="search"]') as HTMLInputElement;
    for (const text of ["s", "su", "sum"]) {
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    await vi.advanceTimersByTimeAsync(300);
    expect(model.asked("entries").map((message) => message.params.search)).toEqual(["sum"]);
  });

  it("are forgotten only after a question that names the cost, and only those chosen", async () => {
    const rows = [row(0), row(1), row(2)];
    const forget = (params: { keys: string[] }) => {
      rows.splice(0, rows.length, ...rows.filter((one) => !params.keys.includes(one.key)));
      return { forgotten: params.keys.length };
    };
    const { model, root, text } = await opened(rows, { forget });
    for (const at of [1, 2]) (root.querySelectorAll("tbody input")[at] as HTMLInputElement).click();
    await settled();
    expect(text()).toContain("2 chosen");
    await click(root, "Forget…");
    expect(model.asked("forget").length).toBe(0);
    expect(root.querySelector('[role="alertdialog"]')?.textContent).toContain("2.4 s and $0.004");
    await click(root, "Keep");
    expect(model.asked("forget").length).toBe(0);
    await click(root, "Forget…");
    await click(root, "Forget");
    expect(model.asked("forget").map((message) => message.params.keys)).toEqual([[row(1).key, row(2).key]]);
    expect(text()).toContain("2 results forgotten");
    expect(root.querySelectorAll("tbody tr").length).toBe(1);
  });

  it("stay where they are while some are chosen, though the feed brings news", async () => {
    const feed = new FakeModel({});
    const { model, root } = await opened(undefined, {}, { feed: "anywidget:feed" }, { host: { getModel: async () => feed } });
    (root.querySelector("tbody input") as HTMLInputElement).click();
    await settled();
    model.sent.length = 0;
    feed.set("beat", { totals: totals({ hits: 900 }) });
    await vi.advanceTimersByTimeAsync(2000);
    expect(root.textContent).toContain("900 hits");
    expect(model.asked("entries").length).toBe(0);
  });

  it("are read again, not too often, when the feed brings news", async () => {
    const feed = new FakeModel({});
    const { model } = await opened(undefined, {}, { feed: "anywidget:feed" }, { host: { getModel: async () => feed } });
    model.sent.length = 0;
    for (let n = 0; n < 5; n++) feed.set("beat", { totals: totals({ hits: n }) });
    await vi.advanceTimersByTimeAsync(1000);
    expect(model.asked("entries").length).toBe(1);
  });
});

describe("a call", () => {
  const long = `ask("${"🌊".repeat(300)}", temperature=0.5)`;
  const rows = [
    row(1, { name: "shop.ask", call: 'ask("hello", n=3)', arguments: [["question", '"hello"'], ["n", "3"]], model: "a-model", tokens: 1234 }),
    row(2, { name: "shop.ask", call: long, arguments: [["question", long.slice(4, -1)]] }),
    row(3, { name: "ask" }),
  ];
  const names = (root: ParentNode) => [...root.querySelectorAll<HTMLElement>(".named button")].map((one) => [one.textContent, one.title]);

  it("is what a result is recognised by, cut where it is long, and whole in its title", async () => {
    const { root } = await opened(rows);
    expect(names(root)).toEqual([
      ['ask("hello", n=3)', 'shop.ask\nask("hello", n=3)'],
      [`ask("${"🌊".repeat(195)}…`, `shop.ask\n${long}`],
      ["ask", "ask"],
    ]);
  });

  it("leaves out what all have alike, and says it once above them", async () => {
    const asked = ["one", "two"].map((text, n) => row(n, { name: "shop.ask", call: `ask("${text}", model="m")`, arguments: [["question", `"${text}"`], ["model", '"m"']] }));
    const { root, text } = await opened(asked);
    expect(names(root).map(([shown]) => shown)).toEqual(['("one")', '("two")']);
    expect(text()).toContain('All of these: shop.ask(…, model="m")');
  });

  it("keeps what one of another name beside it has differently", async () => {
    const both = [...["one", "two"].map((text, n) => row(n, { name: "ask", call: "", arguments: [["question", `"${text}"`], ["n", "1"]] })), row(7, { name: "other", call: "other(n=2)", arguments: [["n", "2"]] })];
    const { root, text } = await opened(both);
    expect(names(root).map(([shown]) => shown)).toEqual(['ask("one")', 'ask("two")', "other(2)"]);
    expect(text()).not.toContain("All of these");
  });

  it("is shown whole where calls are the same but for their code", async () => {
    const same = [1, 2].map((n) => row(n, { name: "ask", call: 'ask("one")', arguments: [["question", '"one"']] }));
    const { root } = await opened(same);
    expect(names(root).map(([shown]) => shown)).toEqual(['("one")', '("one")']);
  });

  it("has a model and tokens only where some answer told them", async () => {
    const heads = async (some: Row[]) => {
      const { root } = await opened(some);
      return [...root.querySelectorAll("th button")].map((one) => one.textContent?.replace(/[↑↓]/, ""));
    };
    expect(await heads(rows)).toEqual(["Call", "Result", "Model", "Tokens", "Size", "Run time", "Cost", "Hits", "Last used", "Made"]);
    expect(await heads([row(1, { price: 0 })])).toEqual(["Call", "Result", "Size", "Run time", "Hits", "Last used", "Made"]);
  });

  it("has its arguments in a table, above what came of it", async () => {
    const entry = () => ({ row: rows[0], parts: [], inputs: [{ name: "PROMPT", fingerprint: "ab" }, { name: "n", fingerprint: "cd" }, ...Array.from({ length: 27 }, (_, n) => ({ name: `helper h${n}`, fingerprint: "ef" }))], remarks: [], runs: [], source: "", diff: null, missing: null, drifted: false, drift: [] });
    const { root, text } = await opened(rows, { entry });
    await click(root, 'ask("hello", n=3)');
    const lines = [...root.querySelectorAll("table.arguments tr")].map((one) => one.textContent);
    expect(lines).toEqual(['question"hello"', "n3"]);
    expect(text().indexOf("Arguments")).toBeLessThan(text().indexOf("Depends on"));
    const depends = root.querySelector('[aria-label="Depends on"]') as HTMLElement;
    expect([...depends.querySelectorAll(":scope > ul code:first-child")].map((one) => one.textContent)).toEqual(["PROMPT"]);
    expect(depends.querySelector("details")?.open).toBe(false);
    expect(depends.querySelector("summary")?.textContent).toBe("27 pieces of code");
    expect(text()).toContain("a-model");
    expect(text()).toContain("1,234");
  });
});

describe("one entry", () => {
  async function open(preview: Preview | [Preview, DataView[]]) {
    const shown = await opened(undefined, { preview: () => preview });
    await click(shown.root, "summarise_1");
    return shown;
  }

  it("shows its text", async () => {
    const { text } = await open({ view: "text", text: "kept text", size: 9, whole: true });
    expect(text()).toContain("kept text");
  });

  it("asks for more of a text that was cut", async () => {
    const { root, model } = await open({ view: "text", text: "begin", size: 90000, whole: false });
    await click(root, "Show more");
    expect(model.asked("preview").at(-1).params.all).toBe(true);
  });

  it("opens a tree step by step", async () => {
    const leaf = { type: "str", text: "deep" };
    const inner = { type: "list", size: 9, children: Array.from({ length: 9 }, (_, n) => [`${n}`, leaf] as [string, typeof leaf]) };
    const tree = { type: "dict", size: 20, children: Array.from({ length: 20 }, (_, n) => [`k${n}`, inner] as [string, typeof inner]) };
    const { root, text } = await open({ view: "tree", tree, whole: true, name: "", main: null });
    expect(text()).toContain("k19");
    expect(text()).not.toContain("deep");
    const details = root.querySelectorAll("details")[1] as HTMLDetailsElement;
    details.open = true;
    details.dispatchEvent(new Event("toggle"));
    await settled();
    expect(text()).toContain("deep");
  });

  it("shows bytes through a URL that it gives back, honouring the offset of the view", async () => {
    const made: Blob[] = [];
    const gone: string[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => `blob:${made.push(blob as Blob)}`);
    vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void gone.push(url));
    const bytes = new DataView(new Uint8Array([9, 9, 1, 2, 3, 9]).buffer, 2, 3);
    const image: Preview = { view: "media", media: "image", mime: "image/png", buffer: 0, size: 3 };
    const { root } = await open([image, [bytes]]);
    expect(root.querySelector("img")?.getAttribute("src")).toBe("blob:1");
    expect(made[0]?.size).toBe(3);
    await click(root, "Results");
    await click(root, /Results/);
    expect(gone).toContain("blob:1");
  });

  it("shows a page in a frame without rights", async () => {
    const { root } = await open({ view: "html", html: `<p>kept</p>${HOSTILE}<a href="http://x">out</a>`, size: 9, whole: true });
    const frame = root.querySelector("iframe");
    expect(frame?.getAttribute("sandbox")).toBe("");
    const inside = frame?.getAttribute("srcdoc") ?? "";
    expect(inside).toContain("default-src 'none'");
    expect(inside).toContain("kept");
    expect(inside).not.toContain("<script");
    expect(inside).not.toContain("onerror");
    expect(inside).not.toContain("href");
  });

  it("closes with Escape", async () => {
    const { root } = await open({ view: "text", text: "kept text", size: 9, whole: true });
    await press(root.querySelector(".entry"), "Escape");
    expect(root.querySelectorAll("tbody tr").length).toBe(3);
  });

  it("is not mixed with another that was opened meanwhile", async () => {
    const { model, root } = await opened();
    model.hold = true;
    await click(root, "summarise_1");
    await click(root, "Results");
    await click(root, "summarise_2");
    model.release();
    await settled();
    model.hold = false;
    model.release();
    await settled();
    expect(root.querySelector("h3")?.textContent).toBe("summarise_2");
    expect(root.textContent).toContain("kept text");
  });
});

describe("hostile values", () => {
  it("stay text in every view", async () => {
    const bad = row(1, { name: HOSTILE, call: `${HOSTILE}(${HOSTILE})`, model: HOSTILE, version: HOSTILE, content_type: HOSTILE, result: HOSTILE, type: HOSTILE, thumb: HOSTILE, arguments: [[HOSTILE, HOSTILE]] });
    const run = { key: bad.key, name: HOSTILE, kind: "cell", verdict: "ran", reason: HOSTILE, started: 1, seconds: 1, price: 0, waited: 0, stored: true, error: HOSTILE, times: 1 };
    const shown = totals({ spot: { name: HOSTILE, folder: HOSTILE }, health: { text: HOSTILE, trouble: [HOSTILE], notes: [HOSTILE], checking: null, checked: { at: 1, text: HOSTILE }, folder: true }, views: ["entries", "runs", "functions", "limits"], running: [{ name: HOSTILE, kind: HOSTILE, since: 1 }], unkept: [{ name: HOSTILE, kind: HOSTILE, never: true, why: HOSTILE, runs: 2, paid: 1 }] });
    const about = { row: {}, latency: null, outcomes: { [HOSTILE]: 1 }, models: [{ model: HOSTILE, runs: 1, hits: 1, input_tokens: 1, output_tokens: 1, paid: 1, saved: 1 }], runs: [run] };
    const views: Preview[] = [
      { view: "text", text: HOSTILE, size: 9, whole: true, label: HOSTILE },
      { view: "tree", tree: { type: "dict", size: 1, children: [[HOSTILE, { type: HOSTILE, text: HOSTILE }]] }, whole: true, name: HOSTILE, main: { view: "text", text: `# ${HOSTILE}\n- ![${HOSTILE}](${HOSTILE})`, size: 9, whole: true, markdown: true } },
      { view: "strip", type: HOSTILE, size: 2, values: [1, -1], low: -1, high: 1, norm: 1, first: [HOSTILE] },
      { view: "table", columns: [{ name: HOSTILE, type: HOSTILE }], rows: [[HOSTILE]], labels: [HOSTILE], height: 1, width: 1 },
      { view: "hex", hex: "3c", size: 1, why: HOSTILE, type: HOSTILE, text: HOSTILE },
      { view: "error", type: HOSTILE, text: HOSTILE },
      { view: "none", why: HOSTILE },
    ];
    const detail = {
      row: bad, parts: [{ name: HOSTILE, label: HOSTILE, type: HOSTILE, size: 1, free: HOSTILE }, { name: "b", label: "b", type: "", size: 1, free: "b" }],
      inputs: [{ name: HOSTILE, fingerprint: HOSTILE }], runs: [run], source: HOSTILE,
      diff: { lines: [{ op: "+", text: HOSTILE }], than: 1 }, missing: HOSTILE, remarks: [HOSTILE], drift: [{ op: "-", text: HOSTILE }], drifted: true,
    };
    const use = { name: HOSTILE, kind: HOSTILE, entries: 1, calls: 1, hits: 1, misses: 0, seconds: 1, seconds_saved: 1, price_paid: 1, price_saved: 1, errors: 1, last: 1, bytes: 1, rate: [[1, 0]] };
    const limit = { name: HOSTILE, slowed: HOSTILE, gauges: [{ unit: HOSTILE, used: 1, limit: 2, text: HOSTILE }], waiting: 1, wait: 1, paused: 1 };
    const answers = {
      totals: () => shown,
      entry: () => detail,
      facets: () => Object.fromEntries(["name", "kind", "status", "model", "tag"].map((facet) => [facet, [[HOSTILE, 1], ["b", 1]]])),
      preview: () => ({ view: "list", items: views, more: 0 }),
      runs: () => ({ rows: [run] }),
      functions: () => ({ rows: [use] }),
      function: () => about,
      limits: () => ({ rows: [limit] }),
      forget: () => {
        throw new Error(HOSTILE);
      },
      export: () => ({ name: HOSTILE, text: HOSTILE, ticket: "" }),
      check: () => ({ ...shown.health, checking: 1 }),
    };
    const { root } = await opened([bad], answers, { first: { totals: shown, page: page([bad]) } });
    const check = () => {
      expect(root.textContent).toContain(HOSTILE);
      expect(root.querySelector("script, img:not(.thumb), iframe")).toBeNull();
      expect((globalThis as { hacked?: number }).hacked).toBeUndefined();
    };
    check();
    for (const tab of ["Runs", "Functions", "Limits", "Results"]) {
      await click(root, tab);
      check();
      root.querySelector<HTMLElement>(".turn")?.click();
      await settled();
      check();
    }
    for (const name of ["Export the results shown…", "Export", "Rebuild the catalog…", "Leave it", "Check all results"]) {
      await click(root, name);
      check();
    }
    (root.querySelector(".named button") as HTMLElement).click();
    await settled();
    check();
    await click(root, "Forget…");
    await click(root, "Forget");
    check();
  });
});

describe("manners", () => {
  it("lets go of everything when its cell is cleared", async () => {
    const abort = new AbortController();
    const { model, root } = await opened(undefined, {}, {}, { signal: abort.signal });
    expect(model.listeners()).toBe(3);
    abort.abort();
    expect(model.listeners()).toBe(0);
    model.sent.length = 0;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(model.sent).toEqual([]);
    expect(root.textContent).toBe("");
  });

  it("ignores the answers of its sister views", async () => {
    const model = new FakeModel({ first: first() }, backend());
    show(model);
    show(model);
    await settled();
    const ids = model.sent.map((message) => message.rid);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(ids.map((rid) => rid.split(".")[0])).size).toBe(2);
  });

  it("never calls its correlation field id, which a kernel would remember for ever", async () => {
    const { model } = await opened();
    for (const message of model.sent) expect(message).not.toHaveProperty("id");
  });

  it("hides the static twin while it lives", () => {
    const twin = document.createElement("div");
    twin.className = "twin-1";
    const output = document.createElement("div");
    output.className = "jp-OutputArea-output";
    output.append(twin);
    const place = document.createElement("div");
    place.className = "jp-OutputArea-child";
    place.append(output);
    const hidden = () => getComputedStyle(place).display === "none";
    const model = new FakeModel({ first: first(), twin: "twin-1" }, backend());
    const one = show(model);
    const two = show(model);
    document.body.append(place); // a host may draw it after the panel
    expect([hidden(), document.documentElement.className]).toEqual([true, "twin-1-drawn"]);
    one.end();
    expect(hidden()).toBe(true);
    two.end();
    expect([hidden(), document.documentElement.className]).toEqual([false, ""]);
  });

  it("keeps what is typed from the notebook's shortcuts", async () => {
    const heard: string[] = [];
    const listen = (event: Event) => heard.push((event as KeyboardEvent).key);
    document.addEventListener("keydown", listen);
    const { root, el } = show(new FakeModel({ first: first() }, backend()));
    const input = root.querySelector("input") as HTMLInputElement;
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "d", bubbles: true, composed: true }));
    document.removeEventListener("keydown", listen);
    expect(heard).toEqual([]);
    expect(el.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
  });

  it("lets the notebook be saved from here", () => {
    const heard: string[] = [];
    const listen = (event: Event) => heard.push((event as KeyboardEvent).key);
    document.addEventListener("keydown", listen);
    const { root } = show(new FakeModel({ first: first() }, backend()));
    const key = (more: object) => new KeyboardEvent("keydown", { key: "s", bubbles: true, composed: true, ...more });
    root.querySelector("input")?.dispatchEvent(key({}));
    root.querySelector("input")?.dispatchEvent(key({ ctrlKey: true }));
    document.removeEventListener("keydown", listen);
    expect(heard.length).toBe(1);
  });

  it("leads the focus into an entry and back to where it came from", async () => {
    const { root } = await opened();
    const row = control(root, "summarise_1");
    row.focus();
    row.click();
    await settled();
    expect(root.activeElement?.textContent).toContain("Results");
    await press(root.activeElement, "Escape");
    await vi.advanceTimersByTimeAsync(1);
    expect(root.activeElement?.textContent).toBe("summarise_1");
  });

  it("leaves only the question when Escape is pressed in it", async () => {
    const { root } = await opened();
    await click(root, "summarise_1");
    await click(root, "Forget…");
    expect(root.activeElement?.textContent).toBe("Keep");
    await press(root.activeElement, "Escape");
    await vi.advanceTimersByTimeAsync(1);
    expect(root.querySelector('[role="alertdialog"]')).toBeNull();
    expect(root.querySelector("h3")?.textContent).toBe("summarise_1");
    expect(root.activeElement?.textContent).toBe("Forget…");
  });

  it("moves between views with the arrow keys", async () => {
    const { root } = await opened();
    const tab = root.querySelector('[role="tab"][aria-selected="true"]') as HTMLElement;
    await press(tab, "ArrowRight");
    expect(root.querySelector('[role="tab"][aria-selected="true"]')?.textContent).toBe("Runs");
  });

  it("keeps the tab of a view whose last limit goes while it is looked at", async () => {
    let views = ["entries", "runs", "functions", "limits"];
    const { model, root, text } = await opened([row(1)], { totals: () => totals({ views }) });
    control(root, "Limits").click();
    views = ["entries", "runs", "functions"];
    model.emit("change:first");
    await settled();
    expect(root.querySelector('[role="tab"][aria-selected="true"]')?.textContent).toBe("Limits");
    expect(text()).toContain("No limit is in use.");
  });

  it("names every control", async () => {
    const { root } = await opened();
    for (const control of root.querySelectorAll("button, input, select")) {
      const name = control.getAttribute("aria-label") ?? control.textContent?.trim();
      expect(name, control.outerHTML).toBeTruthy();
    }
  });
});

describe("a result that has drifted", () => {
  const open = async (drifted: () => boolean, accept: () => unknown = () => ({ accepted: ["ask"] })) => {
    const entry = (params: any) => ({
      row: row(1, { key: params.key, name: "ask" }), parts: [], inputs: [], runs: [], source: "", diff: null, missing: null,
      drifted: drifted(), drift: [], remarks: [],
    });
    const shown = await opened([row(1)], { entry, accept });
    await click(shown.root, "summarise_1");
    return shown;
  };

  it("says so and is accepted, and then says so no more", async () => {
    let drifted = true;
    const { model, root, text } = await open(() => drifted, () => ((drifted = false), { accepted: ["ask"] }));
    expect(text()).toContain("Made by older code or inputs.");
    await click(root, "Accept");
    expect(model.asked("accept")[0].params).toEqual({ key: row(1).key });
    expect(text()).toContain("It stands for the code and inputs as they are now.");
    expect(text()).not.toContain("Made by older code or inputs.");
  });

  it("says why when it cannot be accepted", async () => {
    const { root, text } = await open(() => true, () => {
      throw new Error("it has not drifted");
    });
    await click(root, "Accept");
    expect(text()).toContain("Not accepted: it has not drifted");
  });

  it("is the only one that is offered it", async () => {
    const { root } = await open(() => false);
    expect(() => control(root, "Accept")).toThrow("no control");
  });
});

describe("modes", () => {
  const choice = (root: ParentNode, label: string) => root.querySelector<HTMLSelectElement>(`select[aria-label="${label}"]`);
  const use = (mode: string, set = "", given = "") => ({
    name: "ask", kind: "function", entries: 1, calls: 1, hits: 0, misses: 1, seconds: 1, seconds_saved: 0, price_paid: 0,
    price_saved: 0, errors: 0, last: 1, bytes: 1, rate: [[0, 1]], mode, set, given,
  });

  it("shows the spot's, says what it means when it is not the usual one, and sets it", async () => {
    let mode = "auto";
    const more = {
      totals: () => totals({ mode }),
      set_mode: (params: any) => ({ name: params.name, mode: (mode = params.mode) }),
    };
    const { model, root, text } = await opened([row(1)], more);
    const select = choice(root, "Mode of the spot") as HTMLSelectElement;
    expect([...select.options].map((option) => option.value)).toEqual(["auto", "record", "replay", "off"]);
    await choose(select, "replay");
    expect(model.asked("set_mode")[0].params).toEqual({ name: "", mode: "replay" });
    expect(text()).toContain("replay runs nothing: what is not kept fails.");
  });

  it("sets a function's, and says why when that fails", async () => {
    const more = {
      functions: () => ({ rows: [use("off", "off")] }),
      set_mode: () => {
        throw new Error("the folder is gone");
      },
    };
    const { root, text } = await opened([row(1)], more);
    await click(root, "Functions");
    const select = choice(root, "Mode of ask") as HTMLSelectElement;
    expect(select.value).toBe("off");
    await choose(select, "auto");
    expect(text()).toContain("The mode was not set: the folder is gone");
  });

  it("of a function is as the spot where none was set, and can be so again", async () => {
    let set = "";
    const more = {
      totals: () => totals({ mode: "replay" }),
      functions: () => ({ rows: [use(set || "replay", set)] }),
      set_mode: (params: any) => ({ name: params.name, mode: (set = params.mode) || "replay" }),
    };
    const { model, root } = await opened([row(1)], more);
    await click(root, "Functions");
    const select = choice(root, "Mode of ask") as HTMLSelectElement;
    expect([select.value, select.selectedOptions[0]?.textContent]).toEqual(["", "inherit (replay)"]);
    for (const mode of ["off", ""]) {
      await choose(select, mode);
      expect(select.value).toBe(mode);
    }
    expect(model.asked("set_mode").map((asked) => asked.params.mode)).toEqual(["off", ""]);
  });

  it("shows that a mark gives it, so that nobody sets another over it unawares", async () => {
    const { root } = await opened([row(1)], { functions: () => ({ rows: [use("off", "", "off")] }) });
    await click(root, "Functions");
    const select = choice(root, "Mode of ask") as HTMLSelectElement;
    expect([select.value, select.selectedOptions[0]?.textContent]).toEqual(["", "as marked: off"]);
  });

  it("shows one that is set elsewhere, though it is not offered here", async () => {
    const { root } = await opened([row(1)], { totals: () => totals({ mode: "mock" }) });
    expect(choice(root, "Mode of the spot")?.value).toBe("mock");
  });

  it("offers nothing where nothing can be set", async () => {
    const model = new FakeModel({ first: first() });
    model.broken = true;
    const { root, text } = show(model);
    await settled();
    expect(choice(root, "Mode of the spot")).toBeNull();
    expect(text()).toContain("Mode auto");
  });
});

describe("a page of its own", () => {
  it("says how to come back when its server is gone, and asks anew when it is there again", async () => {
    const { model, text } = await opened([row(1)], {}, { first: {}, place: "page" });
    model.emit("gone");
    await settled();
    expect(text()).toContain("Start spotmagic ui again");
    model.answer = backend([row(2, { name: "newer" })]);
    model.emit("change:first");
    await settled();
    expect(text()).toContain("newer");
    expect(text()).not.toContain("Not connected");
  });
});

describe("loading into a variable", () => {
  async function open(more: Record<string, (params: any) => unknown>) {
    const shown = await opened([row(1)], more);
    await click(shown.root, "summarise_1");
    return shown;
  }

  it("names the variable, and tells that it is done", async () => {
    const { model, root, text } = await open({ load: (params: any) => ({ name: params.name, taken: "" }) });
    const input = root.querySelector<HTMLInputElement>('input[name="name"]') as HTMLInputElement;
    input.value = "answer";
    input.form?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await settled();
    expect(input.value).toBe("answer");
    expect(model.asked("load")[0].params).toEqual({ key: row(1).key, part: "value", name: "answer", over: false });
    expect(text()).toContain("answer now holds a copy of it.");
  });

  it("is not offered where there is no notebook", async () => {
    const { root } = await open({ totals: () => totals({ loads: false }) });
    expect(root.querySelector("form")).toBeNull();
  });
});

describe("typing", () => {
  it("is not undone by what is drawn meanwhile", async () => {
    const { model, root } = await opened();
    const input = root.querySelector<HTMLInputElement>('input[type="search"]') as HTMLInputElement;
    input.value = "summ";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await click(root, "Look again");
    expect(input.value).toBe("summ");
    await vi.advanceTimersByTimeAsync(250);
    expect(model.asked("entries").at(-1).params.search).toBe("summ");
  });
});

describe("store and catalog", () => {
  const fine = totals().health;

  it("are said to be fine in the menu alone, with when all was last checked", async () => {
    const known = totals({ health: { ...fine, checked: { at: Date.now() / 1000 - 300, text: "3 checked, none damaged" } } });
    const { root } = await opened(undefined, { totals: () => known });
    const menu = root.querySelector(".menu") as HTMLElement;
    expect(menu.textContent).toContain("Store and catalog are fine. 3 checked, none damaged, 5 min ago.");
    expect(root.querySelector('section[aria-label="Health"]')?.textContent).toBe("");
  });

  it("are told with what is wrong, also when nothing was ever kept", async () => {
    const none = totals({ entries: 0, hits: 0, misses: 0, statuses: [], kinds: [], health: { ...fine, text: "The catalog is fine, the store is not.", trouble: ["Nothing new is kept: the disk is full."] } });
    const { root, text } = await opened([], { totals: () => none }, { first: { totals: none, page: page([]) } });
    expect(root.querySelector('[role="status"] .warn')?.textContent).toBe("Nothing new is kept: the disk is full.");
    expect(text()).toContain("the store is not");
  });

  it("change as the feed says, whoever checks", async () => {
    const feed = new FakeModel({ beat: {} });
    const { root, text } = await opened(undefined, {}, { feed: "f" }, { host: { getModel: async () => feed } });
    feed.set("beat", { totals: totals({ health: { ...fine, checking: 1 } }) });
    await settled();
    expect(text()).toContain("All results are being checked.");
    expect(control(root, "Check all results").disabled).toBe(true);
    feed.set("beat", { totals: totals() });
    await settled();
    expect(control(root, "Check all results").disabled).toBe(false);
  });

  it("are checked on request, and it is said that this goes on", async () => {
    const { model, root, text } = await opened(undefined, { check: () => ({ ...fine, checking: 1 }) });
    await click(root, "Check all results");
    expect(model.asked("check").length).toBe(1);
    expect(text()).toContain("All results are being checked.");
  });

  it("have their catalog rebuilt only after a question that says what is not touched", async () => {
    const { model, root, text } = await opened(undefined, { rebuild: () => ({ entries: 3 }) });
    await click(root, "Rebuild the catalog…");
    const question = root.querySelector('[role="alertdialog"]') as HTMLElement;
    expect(question.textContent).toContain("from the results, which are not touched");
    expect(root.activeElement?.textContent).toBe("Leave it");
    expect(model.asked("rebuild")).toEqual([]);
    await click(root, "Rebuild");
    expect(model.asked("rebuild").length).toBe(1);
    expect(text()).toContain("The catalog is rebuilt: 3 results.");
    expect(root.querySelector('[role="alertdialog"]')).toBeNull();
  });

  it("say why a catalog was not rebuilt", async () => {
    const refuse = () => {
      throw new Error("another kernel is bringing it up to date");
    };
    const { root } = await opened(undefined, { rebuild: refuse });
    await click(root, "Rebuild the catalog…");
    await click(root, "Rebuild");
    expect(root.querySelector('[role="alert"]')?.textContent).toContain("Not rebuilt: another kernel is bringing");
  });

  it("are only looked at without a kernel, or where results lie in no folder", async () => {
    const { model, root, text } = await opened(undefined, { totals: () => totals({ health: { ...fine, folder: false } }) });
    expect(text()).not.toContain("Check all results");
    expect(text()).not.toContain("Export");
    expect(text()).toContain("Rebuild the catalog");
    model.broken = true;
    await click(root, "Look again");
    expect(text()).not.toContain("Rebuild the catalog");

  });
});

describe("an export", () => {
  const written = { name: "a.zip", text: "3 entries, 12 kB, in /home/a.zip.", ticket: "" };

  async function begin(more: Record<string, (params: any) => unknown> = {}, state: object = {}) {
    const shown = await opened(undefined, { export: () => written, ...more }, state);
    const name = () => shown.root.querySelector('input[name="file"]') as HTMLInputElement;
    return { ...shown, name, send: () => click(shown.root, "Export") };
  }

  it("takes all that the filter shows, under a name that can be changed, and says where it is", async () => {
    const { model, root, text, name, send } = await begin();
    const field = root.querySelector('[type="search"]') as HTMLInputElement;
    field.value = "sum";
    field.dispatchEvent(new Event("input"));
    await vi.advanceTimersByTimeAsync(200);
    await click(root, "Export the results shown…");
    expect(text()).toContain("Export all 3 results shown to");
    expect(text()).toContain("beside the notebook");
    expect(name().value).toBe("default-results.zip");
    expect(root.activeElement).toBe(name());
    name().value = "mine.zip";
    await send();
    const { params } = model.asked("export")[0];
    expect(params).toMatchObject({ search: "sum", status: "live", file: "mine.zip" });
    expect(params.keys).toBeUndefined();
    expect(text()).toContain("3 entries, 12 kB, in /home/a.zip.");
    expect(name()).toBeNull();
  });

  it("takes the chosen alone where some are chosen, and keeps them chosen", async () => {
    const { model, root, text, send } = await begin();
    const boxes = [...root.querySelectorAll<HTMLInputElement>('tbody input[type="checkbox"]')];
    boxes.slice(0, 2).forEach((box) => box.click());
    await settled();
    expect([...root.querySelectorAll('[data-ask="export"]')].length).toBe(1);
    await click(root, "Export…");
    expect(text()).toContain("Export 2 results to");
    await send();
    expect(model.asked("export")[0].params).toEqual({ keys: [row(0).key, row(1).key], file: "default-results.zip" });
    expect(text()).toContain("2 chosen");
  });

  it("that is refused says why and may be tried under another name", async () => {
    let there = true;
    const { model, root, text, name, send } = await begin({
      export: () => {
        if (there) throw new Error("mine.zip is there already. Say another name");
        return written;
      },
    });
    await click(root, "Export the results shown…");
    name().value = "mine.zip";
    await send();
    expect(root.querySelector('[role="alert"]')?.textContent).toContain("Not exported: mine.zip is there already. Say another name");
    expect(name().value).toBe("mine.zip");
    there = false;
    name().value = "other.zip";
    await send();
    expect(model.asked("export").map(({ params }) => params.file)).toEqual(["mine.zip", "other.zip"]);
    expect(text()).toContain("in /home/a.zip");
  });

  it("is not begun twice, and its end is told though all was looked at anew meanwhile", async () => {
    const { model, root, text } = await begin();
    await click(root, "Export the results shown…");
    model.hold = true;
    await click(root, "Export");
    expect(control(root, "Export").disabled).toBe(true);
    await click(root, "Look again");
    model.release();
    model.hold = false;
    await settled();
    expect(model.asked("export").length).toBe(1);
    expect(text()).toContain("3 entries, 12 kB");
  });

  it("is left with Escape, and the focus goes back", async () => {
    const { model, root, name } = await begin();
    await click(root, "Export the results shown…");
    await press(name(), "Escape");
    await vi.advanceTimersByTimeAsync(1);
    expect(name()).toBeNull();
    expect(model.asked("export")).toEqual([]);
    expect(root.activeElement?.getAttribute("aria-label")).toBe("Maintenance");
  });

  it("shows the results first, wherever it was asked for", async () => {
    const { root, text } = await begin();
    await click(root, "Runs");
    await click(root, "Export the results shown…");
    expect(text()).toContain("Export all 3 results shown to");
    expect(root.querySelector(".results")).not.toBeNull();
  });

  it("is asked anew when others are chosen meanwhile", async () => {
    const { root, text } = await begin();
    const boxes = [...root.querySelectorAll<HTMLInputElement>('tbody input[type="checkbox"]')];
    boxes[0]?.click();
    await settled();
    await click(root, "Export…");
    expect(text()).toContain("Export 1 result to");
    boxes[1]?.click();
    await settled();
    expect(text()).not.toContain("Export 1 result to");
    expect(text()).toContain("2 chosen");
  });

  it("on a page of its own is kept by the browser", async () => {
    const fetched: [string, string][] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      fetched.push([this.getAttribute("href") ?? "", this.download]);
    });
    const { root, text, send } = await begin({ export: () => ({ ...written, ticket: "abc" }) }, { place: "page" });
    await click(root, "Export the results shown…");
    expect(text()).toContain("which your browser keeps.");
    await send();
    expect(fetched).toEqual([["/export/abc", "a.zip"]]);
    vi.restoreAllMocks();
  });
});
