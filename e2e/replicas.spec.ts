import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { bench } from "./support/bench";
import { finished, startRun, statusOf, TINY_RUN, watch } from "./support/lab";

test.describe.configure({ timeout: 300_000 });

test("two replicas train from the training screen, and are called what they are", async ({
  page,
  context,
}) => {
  const seen = watch(context);
  await page.goto(`/train?${TINY_RUN}&engine.setup=ddp:2`);
  await expect(
    page.getByText(/Every replica has a shard of the images.*no speed-up is claimed/),
  ).toBeVisible();
  await startRun(page, `${TINY_RUN}&engine.setup=ddp:2&training.epochs=20`);
  const replicas = page.getByRole("region", { name: "Replicas" });
  await expect(replicas.getByRole("row")).toHaveCount(3);
  await expect(replicas.getByText("shared", { exact: true })).toHaveCount(2);
  await finished(page);
  await expect(page.getByText(/2 replicas share the processor/)).toBeVisible();
  await page.getByRole("link", { name: "Results and files" }).click();
  await expect(page.getByRole("heading", { name: "Replicas" })).toBeVisible();
  expect(seen.external).toEqual([]);
  expect(seen.errors).toEqual([]);
});

test("statistics of batch normalisation can be those of all replicas, and the results say so", async ({
  page,
}) => {
  const query = `${TINY_RUN}&engine.setup=ddp:2&training.epochs=20`;
  await page.goto(`/train?${TINY_RUN}`);
  await page.getByRole("button", { name: /^Advanced/ }).click();
  const field = page.getByRole("combobox", { name: "Statistics of batch normalisation" });
  await expect(page.getByRole("textbox", { name: "Seed" })).toBeVisible();
  // One replica has nobody to share them with.
  await expect(field).toHaveCount(0);
  await page.goto(`/train?${query}`);
  await page.getByRole("button", { name: /^Advanced/ }).click();
  await field.click();
  await page.getByRole("option", { name: "Of all replicas together" }).click();
  await expect(page.getByText(/computes what one replica would with all images/)).toBeVisible();
  expect(new URL(page.url()).searchParams.get("engine.batchNorm")).toBe('"synchronised"');
  await startRun(page, `${query}&engine.batchNorm=synchronised`);
  await finished(page);
  await page.getByRole("link", { name: "Results and files" }).click();
  await expect(page.getByText(/Batch normalisation is synchronised/)).toBeVisible();
});

test("stop ends a run of two replicas in order", async ({ page }) => {
  await startRun(page, `${TINY_RUN}&engine.setup=dp:2&training.epochs=5000`);
  await expect
    .poll(async () => (await statusOf(page)).progress?.step ?? 0, { timeout: 60_000 })
    .toBeGreaterThan(3);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Stop the run" }).click();
  await finished(page);
});

test("a sweep of setups writes a table with the study's numbers, and claims nothing for a shared device", async () => {
  const out = join(mkdtempSync(join(tmpdir(), "lab-sweep-")), "out");
  const { code, stderr } = await bench(
    ...["--sweep", "setups", "--engine", "tfjs-wasm", "--size", "32", "--width", "2", "--batch", "3"],
    ...["--data", "phantom:24", "--epochs", "2", "--trace", "2", "--out", out],
  );
  expect(code, stderr).toBe(0);
  const table = readFileSync(join(out, "setups.md"), "utf8");
  expect(table).toMatch(/\| U-Net, σ 0\.1.* \| 2 \| 1 device \|/);
  expect(table).toMatch(/\| 2 replicas, DP \(shared device\).*none claimed/);
  expect(table).toMatch(/\| 2 replicas, DDP \(shared device\).*none claimed/);
  expect(table).toContain("34.952 ± 0.040");
  for (const [folder, count] of [
    ["single-f32", 1],
    ["dp2-f32", 2],
    ["ddp2-f32", 2],
  ] as const) {
    const result = JSON.parse(readFileSync(join(out, folder, "result.json"), "utf8"));
    expect(result.replicas).toHaveLength(count);
    const header = readFileSync(join(out, folder, "trace", "batches.safetensors"));
    const length = Number(header.readBigUInt64LE(0));
    const { noisy } = JSON.parse(header.subarray(8, 8 + length).toString());
    expect(noisy.shape).toEqual(count === 1 ? [2, 3, 1, 32, 32] : [2, count, 3, 1, 32, 32]);
  }
  expect(existsSync(join(out, ".resume"))).toBe(false);
});
