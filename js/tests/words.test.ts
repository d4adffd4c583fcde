import { describe, expect, it } from "vitest";
import * as words from "../src/words";

// The same table is read by tests/test_words.py: the panel and its twin say the same.
import table from "./words.json";

describe("numbers in words", () => {
  it.each(table.duration as [number, string][])("%s s is %s", (value, text) => expect(words.duration(value)).toBe(text));
  it.each(table.money as [number, string][])("%s is %s", (value, text) => expect(words.money(value)).toBe(text));
  it.each(table.size as [number, string][])("%s bytes are %s", (value, text) => expect(words.bytes(value)).toBe(text));
  it.each(table.counted as [number, string, string][])("%s of %s is %s", (n, one, text) => expect(words.counted(n, one)).toBe(text));
  it.each(table.percent as [number, number, string][])("%s of %s is %s", (part, all, text) =>
    expect(words.percent(part, all)).toBe(text),
  );
  it("tells ages, never a negative one", () => {
    expect(words.ago(100, 90)).toBe("just now");
    expect(words.ago(0, 59.9)).toBe("59 s ago");
    expect(words.ago(0, 3599)).toBe("59 min ago");
    expect(words.ago(0, 86399)).toBe("23 h ago");
    expect(words.ago(0, 86400)).toBe("1 day ago");
  });
});
