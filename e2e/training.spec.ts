import { expect, test } from "@playwright/test";
import { finished, startRun, statusOf, TINY_RUN, watch } from "./support/lab";

test("a run survives a reload and is offered for resuming", async ({ page, context }) => {
  const seen = watch(context);
  await startRun(page, `${TINY_RUN}&training.epochs=2000`);
  await expect
    .poll(async () => (await statusOf(page)).checkpointStep, { timeout: 60_000 })
    .toBeGreaterThan(0);
  await page.reload();
  const banner = page.getByRole("region", { name: "A run was interrupted" });
  await expect(banner).toBeVisible();
  await banner.getByRole("button", { name: "Resume" }).click();
  await expect
    .poll(async () => (await statusOf(page)).progress?.step ?? 0, { timeout: 60_000 })
    .toBeGreaterThan(0);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Stop the run" }).click();
  await finished(page);
  await page.goto("/runs");
  await expect(page.getByRole("main")).toContainText(/stopped/i);
  expect(seen.external).toEqual([]);
});

test("pause and continue by keyboard", async ({ page }) => {
  await startRun(page, `${TINY_RUN}&training.epochs=200`);
  await expect
    .poll(async () => (await statusOf(page)).progress?.step ?? 0, { timeout: 60_000 })
    .toBeGreaterThan(0);
  await page.keyboard.press("Alt+p");
  await expect(page.getByRole("button", { name: "Continue" })).toBeEnabled();
  const step = (await statusOf(page)).checkpointStep;
  await page.keyboard.press("Alt+p");
  await expect.poll(async () => (await statusOf(page)).progress?.step ?? 0).toBeGreaterThan(step);
});

test("a second tab is refused the run that the first one trains", async ({ page, context }) => {
  await startRun(page, `${TINY_RUN}&training.epochs=500`);
  await expect
    .poll(async () => (await statusOf(page)).checkpointStep, { timeout: 60_000 })
    .toBeGreaterThan(0);
  const other = await context.newPage();
  await other.goto("/runs");
  const runId = await other.evaluate(async () => {
    const request = indexedDB.open("denoise-lab");
    const database = await new Promise<IDBDatabase>((resolve) => {
      request.onsuccess = () => resolve(request.result);
    });
    const keys = database.transaction("runs").objectStore("runs").getAllKeys();
    return new Promise<string>((resolve) => {
      keys.onsuccess = () => resolve(String(keys.result[0]));
    });
  });
  await other.evaluate((id) => window.denoiseLab?.resumeRun(id), runId);
  await expect
    .poll(async () => (await statusOf(other)).outcome)
    .toMatchObject({ ok: false, failure: { code: "run/busy" } });
  expect((await statusOf(page)).phase).not.toBe("failed");
});

test("wrong settings are named, in a link and in the form, and nothing starts", async ({ page }) => {
  await page.goto("/train?data.size=100");
  await expect(page.getByText(/multiple of 16/).first()).toBeVisible();
  await page.getByLabel("Batch size").fill("0");
  await expect(page.getByText(/At least 1\./)).toBeVisible();
  await expect(page.getByRole("button", { name: "Start training" })).toBeDisabled();
});

test("two patients or fewer cannot be split", async ({ page }) => {
  await startRun(page, TINY_RUN.replace("phantom:24", "phantom:1"));
  await expect(page.getByRole("alert").or(page.getByRole("main")).first()).toContainText(
    /data\/too-few|at least/i,
  );
});
