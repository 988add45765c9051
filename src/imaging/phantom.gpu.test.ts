import { expect, it } from "vitest";
import fixture from "./fixtures/phantom.json";
import { renderPhantom } from "./phantom";

it.each(fixture)("Chromium draws Node's bytes: size $size seed $seed index $index", async (golden) => {
  const pixels = renderPhantom(golden.size, golden.seed, golden.index);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", pixels));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  expect(hex).toBe(golden.sha256);
});
