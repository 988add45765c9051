import { expect, test } from "@playwright/test";
import { finished, phantomPng, startRun, TINY_RUN } from "./support/lab";

test("a trained model denoises a dropped image, and the result can be saved", async ({ page }) => {
  await startRun(page, `${TINY_RUN}&training.epochs=2`);
  await finished(page);
  await page.getByRole("navigation").getByRole("link", { name: "Denoise", exact: true }).click();
  await page
    .getByTestId("denoise-input")
    .setInputFiles({ name: "chest.png", mimeType: "image/png", buffer: phantomPng(200, 3) });
  await expect(page.getByRole("slider", { name: /before|compare|divider/i }).first()).toBeVisible({
    timeout: 60_000,
  });
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: /save.*png/i }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/\.png$/);
});

test("a corrupt weight file is refused in one sentence", async ({ page }) => {
  await page.goto("/denoise");
  await page.getByTestId("weights-input").setInputFiles({
    name: "broken.safetensors",
    mimeType: "application/octet-stream",
    buffer: Buffer.from("not weights"),
  });
  await expect(page.getByRole("main")).toContainText(/weights\/(truncated|corrupt)/);
});

test("an image that is none is listed with its reason", async ({ page }) => {
  await startRun(page, `${TINY_RUN}&training.epochs=1`);
  await finished(page);
  await page.getByRole("navigation").getByRole("link", { name: "Denoise", exact: true }).click();
  await page
    .getByTestId("denoise-input")
    .setInputFiles({ name: "fake.png", mimeType: "image/png", buffer: Buffer.from("text") });
  await expect(page.getByRole("main")).toContainText(/not (a )?PNG or JPEG/i);
});
