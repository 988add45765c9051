import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./support/axe";
import { bench } from "./support/bench";
import { finished, startRun, TINY_RUN } from "./support/lab";

async function openRunPage(page: Page): Promise<void> {
  await page.getByRole("navigation").getByRole("link", { name: "Runs", exact: true }).click();
  await page
    .getByRole("link", { name: /U-Net w2/ })
    .first()
    .click();
  await expect(page.getByRole("heading", { name: "Against prior methods" })).toBeVisible();
}

test("methods are compared from the run's page by keyboard, and are still there after a reload", async ({
  page,
}) => {
  await startRun(page, `${TINY_RUN}&training.epochs=1`);
  await finished(page);
  await openRunPage(page);
  const compare = page.getByRole("button", { name: "Compare", exact: true });
  await compare.focus();
  await page.keyboard.press("Enter");
  const table = page.getByRole("region", { name: "Against prior methods" });
  await expect(table.getByRole("rowheader")).toHaveText([
    "This network",
    "Noisy input",
    "Gaussian filter",
    "Median filter",
    "Wavelet shrinkage",
    "Total variation",
    "Non-local means",
    "BM3D",
  ]);
  // The noisy input is the one that the network was tested on.
  const noisy = page.getByRole("region", { name: "Test metrics" }).getByRole("row", { name: /^noisy/ });
  const psnr = await noisy.getByRole("cell").first().innerText();
  await expect(
    table
      .getByRole("row", { name: /^Noisy input/ })
      .getByRole("cell")
      .first(),
  ).toHaveText(psnr);
  await expect(page.getByRole("button", { name: "Compare again" })).toBeFocused();
  await page.reload();
  await expect(table.getByRole("rowheader")).toHaveCount(8);

  for (const { width, colorScheme } of [
    { width: 1280, colorScheme: "light" },
    { width: 390, colorScheme: "dark" },
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
});

test("a run whose config asks for methods is compared when it has been tested", async ({ page }) => {
  await startRun(
    page,
    `${TINY_RUN}&training.epochs=1&evaluation.baselines=${JSON.stringify(["gaussian", "tv"])}`,
  );
  await finished(page);
  const card = page.getByRole("region", { name: "Prior methods" });
  await card.getByRole("link", { name: "run's results" }).click();
  const table = page.getByRole("region", { name: "Against prior methods" });
  await expect(table.getByRole("rowheader")).toHaveText([
    "This network",
    "Gaussian filter",
    "Total variation",
  ]);
  // The other metrics of both are folded away.
  await page.getByRole("button", { name: "More metrics" }).last().focus();
  await page.keyboard.press("Enter");
  const more = page.getByRole("region", { name: "More metrics of the methods" });
  await expect(more.getByRole("columnheader", { name: "SSIM, Gaussian window" })).toBeVisible();
  await expect(page.getByText("MS-SSIM has five scales").last()).toBeVisible();
});

test("a comparison can be cancelled, and leaves nothing", async ({ page }) => {
  // Large enough that some seconds pass.
  const query = `${TINY_RUN}&training.epochs=1`.replace("data.size=32", "data.size=192");
  await startRun(page, query);
  await finished(page);
  await openRunPage(page);
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("button", { name: "Compare", exact: true })).toBeEnabled();
  await expect(page.getByRole("region", { name: "Against prior methods" })).toHaveCount(0);
  await expect(page.getByText("could not be compared")).toHaveCount(0);
});

test("a benchmark compares the methods that it is told to", async () => {
  const out = join(mkdtempSync(join(tmpdir(), "lab-methods-")), "out");
  const tiny = ["--width", "2", "--size", "32", "--batch", "4", "--engine", "tfjs-wasm", "--epochs", "1"];
  const { code, stderr } = await bench(
    ...[...tiny, "--data", "phantom:24", "--baselines", "median,bm3d", "--out", out],
  );
  expect(code, stderr).toBe(0);
  const result = JSON.parse(readFileSync(join(out, "result.json"), "utf8"));
  expect(result.methods.map(({ name }: { name: string }) => name)).toEqual(["median", "bm3d"]);
  for (const { psnrDb, versusNetwork } of result.methods) {
    expect(versusNetwork.differenceDb.mean).toBeCloseTo(result.test.denoised.psnrDb.mean - psnrDb.mean, 9);
    expect(versusNetwork.holmP).toBeGreaterThanOrEqual(versusNetwork.wilcoxonP);
  }
  expect(result.methods[1].psnrDb.mean).toBeGreaterThan(result.test.noisy.psnrDb.mean);
  expect(readFileSync(join(out, "report.md"), "utf8")).toContain("## Against prior methods");
});
