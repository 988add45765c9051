import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { encodePng8 } from "@/imaging/encodePng";
import { renderPhantom } from "@/imaging/phantom";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { writeSafetensors } from "@/model/safetensors";
import { expectAccessible } from "./support/axe";
import { bench } from "./support/bench";
import { finished, TINY_RUN } from "./support/lab";

test("DnCNN is chosen by keyboard, trains, and is named on its run's page", async ({ page }) => {
  // A normalisation that DnCNN does not have becomes its usual one.
  await page.goto(`/train?${TINY_RUN}&training.epochs=1&model.norm=both`);
  const network = page.getByRole("radiogroup", { name: "Network" });
  await network.getByRole("radio", { name: "U-Net", exact: true }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect(network.getByRole("radio", { name: "DnCNN" })).toBeChecked();
  await expect(page.getByText("Channels of each of the 17 layers")).toBeVisible();
  await page.getByRole("button", { name: /^Advanced/ }).click();
  await expect(page.getByLabel("Batch normalisation").first()).toHaveValue("After each inner convolution");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Start training" }).click();
  await finished(page);
  await page.getByRole("navigation").getByRole("link", { name: "Runs", exact: true }).click();
  await page
    .getByRole("link", { name: /DnCNN w2/ })
    .first()
    .click();
  await expect(page.getByRole("main")).toContainText("DnCNN, width 2");
});

test("weights with KAIR's names are known as DnCNN and denoise an image of any size", async ({ page }) => {
  const weights = initialWeights(buildGraph({ name: "dncnn", width: 8, norm: "none" }), 3);
  await page.goto("/denoise");
  await page.getByTestId("weights-input").setInputFiles({
    name: "dncnn_25.safetensors",
    mimeType: "application/octet-stream",
    buffer: Buffer.from(writeSafetensors(weights)),
  });
  await expect(page.getByRole("combobox", { name: "Model" })).toHaveValue("dncnn_25 · DnCNN 8, imported");
  const [width, height] = [203, 151];
  const phantom = renderPhantom(width, 7, 3).subarray(0, width * height);
  await page.getByTestId("denoise-input").setInputFiles({
    name: "chest.png",
    mimeType: "image/png",
    buffer: Buffer.from(encodePng8(width, height, phantom)),
  });
  await expect(page.getByText(/^203 × 151/).first()).toBeVisible();
  await expect(page.getByRole("slider", { name: /before|compare|divider/i }).first()).toBeVisible();
  await expectAccessible(page);
});

test("DnCNN with weights that were given stands among the methods of a benchmark", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lab-dncnn-"));
  const file = join(folder, "dncnn_25.safetensors");
  writeFileSync(
    file,
    writeSafetensors(initialWeights(buildGraph({ name: "dncnn", width: 2, norm: "none" }), 3)),
  );
  const out = join(folder, "out");
  const tiny = ["--width", "2", "--size", "32", "--batch", "4", "--engine", "tfjs-wasm", "--epochs", "1"];
  const { code, stderr } = await bench(
    ...[...tiny, "--data", "phantom:24", "--baselines", "noisy,dncnn", "--dncnn", file, "--out", out],
  );
  expect(code, stderr).toBe(0);
  const result = JSON.parse(readFileSync(join(out, "result.json"), "utf8"));
  expect(result.methods.map(({ title }: { title: string }) => title)).toEqual([
    "Noisy input",
    "DnCNN (dncnn_25, σ 0.098)",
  ]);
  expect(readFileSync(join(out, "report.md"), "utf8")).toContain("DnCNN: Zhang et al. 2017");
});
