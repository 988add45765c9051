import { readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";

/** The smallest U-Net: compiled in seconds on software adapters too. */
const SMALL = "/engine?model.width=2&data.size=32&training.batchSize=2&pass=training";

test("the engine screen plans, measures and exports a trace", async ({ page }) => {
  await page.goto(SMALL);
  const measure = page.getByRole("button", { name: "Measure", exact: true });
  await measure.waitFor();
  await expect(page.getByText("conv1.0 forward").first()).toBeVisible();
  await measure.click();
  await expect(page.getByText(/^Measured:/)).toBeVisible({ timeout: 150_000 });
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: /trace/i }).click();
  const path = await (await download).path();
  const { traceEvents } = JSON.parse(readFileSync(path, "utf8")) as {
    traceEvents: { ph: string; name: string; dur?: number }[];
  };
  const spans = traceEvents.filter(({ ph }) => ph === "X");
  expect(spans.length).toBeGreaterThan(100);
  expect(spans.some(({ name }) => name.includes("conv1.0"))).toBe(true);
  expect(spans.reduce((sum, { dur = 0 }) => sum + dur, 0)).toBeGreaterThan(0);
});
