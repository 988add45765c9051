import { expect, it } from "vitest";
import { dividerByKey } from "./CompareSlider";

it("the divider moves by keys, stays within 0 and 100, and leaves other keys to the page", () => {
  expect(dividerByKey(50, "ArrowRight")).toBe(52);
  expect(dividerByKey(1, "ArrowLeft")).toBe(0);
  expect(dividerByKey(95, "PageUp")).toBe(100);
  expect(dividerByKey(50, "Home")).toBe(0);
  expect(dividerByKey(50, "End")).toBe(100);
  expect(dividerByKey(50, "Tab")).toBeNull();
});
