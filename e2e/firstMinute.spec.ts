import { expect, test } from "@playwright/test";
import { statusOf, watch } from "./support/lab";

test("a newcomer sees a denoiser learning without doing anything", async ({ page, context }) => {
  const seen = watch(context);
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("learn");
  await expect
    .poll(async () => (await statusOf(page)).progress?.step ?? 0, { timeout: 60_000 })
    .toBeGreaterThan(2);
  const early = await statusOf(page);

  const pictures = page.getByRole("img");
  await expect(pictures.first()).toBeVisible();
  const look = () =>
    pictures.evaluateAll((all) =>
      all.map((one) => (one instanceof HTMLCanvasElement ? one.toDataURL() : "")).join(),
    );
  const first = await look();
  await expect.poll(look, { timeout: 60_000 }).not.toBe(first);
  await expect
    .poll(async () => (await statusOf(page)).progress?.step ?? 0, { timeout: 120_000 })
    .toBeGreaterThan(40);
  const later = await statusOf(page);
  expect(later.lastLoss).toBeLessThan(early.lastLoss as number);
  expect(seen.external).toEqual([]);
  expect(seen.errors).toEqual([]);
});

test("the demo waits for a click when motion is to be reduced", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto("/");
  const start = page.getByRole("button", { name: "Start the demo" });
  await expect(start).toBeVisible();
  expect((await statusOf(page)).phase).toBeNull();
  await start.focus();
  await page.keyboard.press("Enter");
  await expect.poll(async () => (await statusOf(page)).phase).not.toBeNull();
});

test("without WebGPU the lab says what it uses instead, and trains", async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "gpu", { value: undefined }));
  await page.goto("/");
  await expect(page.getByRole("button", { name: /No WebGPU: WebAssembly/ })).toBeVisible();
  await expect
    .poll(async () => (await statusOf(page)).progress?.step ?? 0, { timeout: 60_000 })
    .toBeGreaterThan(2);
});
