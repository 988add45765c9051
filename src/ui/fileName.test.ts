import { expect, it } from "vitest";
import { safeFileName } from "./fileName";

it.each([
  ["U-Net w8, σ 0.2, 64².zip", "U-Net w8, σ 0.2, 64².zip"],
  ["../a/b:c?.json", "-a-b-c-.json"],
  ["...", "file"],
])("%s becomes %s", (name, safe) => expect(safeFileName(name)).toBe(safe));
