import { expect, it } from "vitest";
import { figuresText, gainText, psnrText, shareText } from "./metricText";

it("writes figures as people read them", () => {
  expect(psnrText(20.345)).toBe("20.34\u00a0dB");
  expect(psnrText(Number.POSITIVE_INFINITY)).toBe("∞\u00a0dB (equal)");
  expect(gainText(20, 24.5)).toBe("+4.50\u00a0dB");
  expect(gainText(24.5, 20)).toBe("−4.50\u00a0dB");
  expect(gainText(Number.POSITIVE_INFINITY, 30)).toBe("");
  expect(figuresText(20, 0.5).replaceAll("\u00a0", " ")).toBe("PSNR 20.00 dB, SSIM 0.500");
  expect(figuresText(24, 0.5, "+4 dB").replaceAll("\u00a0", " ")).toBe("PSNR 24.00 dB (+4 dB), SSIM 0.500");
  expect([0, 0.00001, 0.0021, 0.123].map(shareText)).toEqual(["0 %", "< 0.01 %", "0.21 %", "12.3 %"]);
});
