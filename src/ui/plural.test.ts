import { expect, it } from "vitest";
import { plural } from "./plural";

it("counts in words", () => {
  expect(plural(1, "image")).toBe("1 image");
  expect(plural(14_999, "image")).toBe("14,999 images");
  expect(plural(2, "copy", "copies")).toBe("2 copies");
});
