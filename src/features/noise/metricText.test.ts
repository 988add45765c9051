import { expect, it } from "vitest";
import { gainText, psnrText, shareText } from "./metricText";

it("writes figures as people read them", () => {
  expect(psnrText(20.345)).toBe("20.34 dB");
  expect(psnrText(Number.POSITIVE_INFINITY)).toBe("∞ dB (equal)");
  expect(gainText(20, 24.5)).toBe("+4.50 dB");
  expect(gainText(24.5, 20)).toBe("−4.50 dB");
  expect(gainText(Number.POSITIVE_INFINITY, 30)).toBe("");
  expect([0, 0.00001, 0.0021, 0.123].map(shareText)).toEqual(["0 %", "< 0.01 %", "0.21 %", "12.3 %"]);
});
