import { expect, type Locator, type Page, test } from "@playwright/test";
import { expectAccessible } from "./support/axe";
import { finished, startRun, statusOf, TINY_RUN, watch } from "./support/lab";

const film = (page: Page): Locator => page.getByRole("region", { name: "Film" });
const slider = (page: Page): Locator => film(page).getByRole("slider", { name: "Film position" });
const positionOf = async (page: Page): Promise<string> =>
  (await slider(page).getAttribute("aria-valuetext")) ?? "";

/** The sum of a picture's grey values: tells whether it changed. */
const inkOf = (picture: Locator): Promise<number> =>
  picture.evaluate((canvas) => {
    const { width, height } = canvas as HTMLCanvasElement;
    const data = (canvas as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height).data;
    return data ? data.reduce((sum, value, i) => sum + value * (1 + (i % 97)), 0) : -1;
  });

async function trained(page: Page, query: string): Promise<void> {
  await startRun(page, query);
  await finished(page);
}

test("a run can be watched learning, by keyboard; a second one moves with it", async ({ page, context }) => {
  const seen = watch(context);
  const run = `${TINY_RUN}&training.epochs=6`;
  await trained(page, run);
  // The live view has it too.
  await expect(slider(page)).toBeVisible();
  await trained(page, `${run}&training.loss=l2`);

  await page.goto("/runs");
  await page.getByRole("main").getByRole("table").first().getByRole("link").first().click();
  await expect(slider(page)).toBeVisible();
  const denoised = film(page).getByRole("img", { name: /phantom 1, denoised/ });

  await slider(page).focus();
  await page.keyboard.press("Home");
  expect(await positionOf(page)).toMatch(/^before training, /);
  const untrained = await inkOf(denoised);
  await page.keyboard.press("ArrowRight");
  expect(await positionOf(page)).toMatch(/^step 1, in epoch 1, /);
  expect(await inkOf(denoised)).not.toBe(untrained);
  await page.keyboard.press("End");
  expect(await positionOf(page)).toMatch(/after epoch 6/);
  expect(await inkOf(denoised)).not.toBe(untrained);

  // Space plays from the start and stops at the end.
  await film(page).getByText("10/s").click();
  await slider(page).focus();
  await page.keyboard.press(" ");
  await expect(film(page).getByRole("button", { name: "Pause" })).toBeVisible();
  await expect(film(page).getByRole("button", { name: "Play" })).toBeVisible();
  expect(await positionOf(page)).toMatch(/after epoch 6/);

  await film(page).getByRole("switch", { name: "Error map" }).check({ force: true });
  await expect(film(page).getByRole("img", { name: /error of the denoised image/ })).toBeVisible();
  await expectAccessible(page);

  await film(page).getByRole("combobox", { name: "A second run beside it" }).click();
  await page.getByRole("option").first().click();
  await expect(film(page).getByRole("img", { name: /error of the denoised image by/ })).toHaveCount(2);
  await slider(page).focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("PageUp");
  const both = (await positionOf(page)).split("; ").map((part) => /step [\d,]+/.exec(part)?.[0]);
  expect(both).toHaveLength(2);
  expect(both[0]).toBe(both[1]);
  await film(page).getByText("Share of training").click();
  await page.keyboard.press("Tab");
  await expectAccessible(page);
  expect(seen.errors).toEqual([]);
  expect(seen.external).toEqual([]);
});

test("runs with other images say so, and a phone in the dark shows both", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await trained(page, `${TINY_RUN}&training.epochs=2`);
  await trained(page, `${TINY_RUN}&training.epochs=2&seed=9`);
  await page.goto("/runs");
  const boxes = page.getByRole("main").getByRole("checkbox");
  await expect(boxes).toHaveCount(2);
  for (const box of await boxes.all()) await box.check();
  await page.getByRole("link", { name: "Watch both learn, side by side" }).click();
  await expect(film(page).getByRole("note")).toContainText("different fixed images");
  await expect(film(page).getByText("0.5/s")).toBeVisible();
  await expect(film(page).getByRole("img", { name: /, noisy$/ })).toHaveCount(2);
  await expectAccessible(page);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow, "scrolls sideways").toBeLessThanOrEqual(0);
});

test("a resumed run goes on with its film; a run without one says why", async ({ page }) => {
  await startRun(page, `${TINY_RUN}&training.epochs=400`);
  await expect
    .poll(async () => (await statusOf(page)).checkpointStep, { timeout: 60_000 })
    .toBeGreaterThan(0);
  await page.reload();
  await page
    .getByRole("region", { name: "A run was interrupted" })
    .getByRole("button", { name: "Resume" })
    .click();
  await expect
    .poll(async () => (await statusOf(page)).progress?.epoch ?? 0, { timeout: 60_000 })
    .toBeGreaterThan(3);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Stop the run" }).click();
  await finished(page);
  await page.getByRole("link", { name: "Results and files" }).click();
  await slider(page).focus();
  await page.keyboard.press("Home");
  expect(await positionOf(page)).toMatch(/^before training, /);
  const steps = await page.evaluate(async () => {
    const request = indexedDB.open("denoise-lab");
    const database = await new Promise<IDBDatabase>((resolve) => {
      request.onsuccess = () => resolve(request.result);
    });
    const transaction = database.transaction(["films", "filmFrames"], "readwrite");
    const keys = transaction.objectStore("filmFrames").getAllKeys();
    transaction.objectStore("films").clear();
    await new Promise((resolve) => {
      transaction.oncomplete = resolve;
    });
    database.close();
    return keys.result.map((key) => (key as [string, number])[1]);
  });
  expect(new Set(steps).size).toBe(steps.length);
  expect(steps.length).toBeLessThanOrEqual(56);
  await page.reload();
  await expect(film(page)).toContainText("This run has no film");
});
