import { expect, it } from "vitest";
import { formatBytes, formatDuration, plural } from "./units";

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [4_200_000, "4.2 MB"],
  [983_000_000, "983 MB"],
  [12_500_000_000, "12.5 GB"],
])("%d bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

it.each([
  [0.2, "0 s"],
  [59.4, "59 s"],
  [200, "3 min 20 s"],
  [7500, "2 h 5 min"],
])("%d seconds are %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

it("counts in words", () => {
  expect(plural(1, "image")).toBe("1 image");
  expect(plural(14999, "image")).toBe("14,999 images");
});
