import { expect, it } from "vitest";
import type { SkippedFile } from "@/contracts/workers";
import { groupSkipped, reasonOf } from "./groupSkipped";

const skip = (path: string, code: SkippedFile["failure"]["code"]): SkippedFile => ({
  path,
  failure: { code, message: `${path} is bad.`, remedy: `Mend ${code}.` },
});

it("groups by code, largest first, files in order", () => {
  const groups = groupSkipped([
    skip("a.txt", "decode/unknown"),
    skip("b.png", "decode/truncated"),
    skip("c.txt", "decode/unknown"),
  ]);
  expect(groups.map(({ code, remedy, files }) => [code, remedy, files.map((file) => file.path)])).toEqual([
    ["decode/unknown", "Mend decode/unknown.", ["a.txt", "c.txt"]],
    ["decode/truncated", "Mend decode/truncated.", ["b.png"]],
  ]);
  expect(groupSkipped([])).toEqual([]);
});

it("reads the reason from a code", () => {
  expect(reasonOf("decode/not-an-image")).toBe("not an image");
});
