import { expect, it } from "vitest";
import { ResultCache } from "./resultCache";

it("lets go of what was used longest ago when the bytes run out", () => {
  const cache = new ResultCache<string>(100);
  expect(cache.put("a", "A", 40)).toEqual([]);
  expect(cache.put("b", "B", 40)).toEqual([]);
  cache.touch("a");
  expect(cache.put("c", "C", 40)).toEqual(["b"]);
  expect([cache.peek("a"), cache.peek("b"), cache.peek("c")]).toEqual(["A", null, "C"]);
});

it("keeps the newest even when it is larger than the budget, and counts replaced and deleted bytes once", () => {
  const cache = new ResultCache<string>(100);
  cache.put("a", "A", 60);
  expect(cache.put("a", "A2", 80)).toEqual([]);
  expect(cache.put("big", "B", 500)).toEqual(["a"]);
  expect(cache.peek("big")).toBe("B");
  cache.delete("big");
  expect(cache.put("c", "C", 100)).toEqual([]);
});
