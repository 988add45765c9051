import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { phantomPng } from "./support/lab";

/** Twelve good images of four patients, a copy, and four files that are none. */
function folderOfImages(): string {
  const folder = join(mkdtempSync(join(tmpdir(), "lab-images-")), "xrays");
  mkdirSync(folder);
  for (let i = 0; i < 12; i++)
    writeFileSync(join(folder, `0000000${1 + (i % 4)}_00${Math.floor(i / 4)}.png`), phantomPng(80, i));
  writeFileSync(join(folder, "copy.png"), phantomPng(80, 0));
  writeFileSync(join(folder, "truncated.png"), phantomPng(80, 20).subarray(0, 900));
  writeFileSync(join(folder, "small.png"), phantomPng(32, 21));
  writeFileSync(join(folder, "notes.txt"), "no image");
  const huge = Buffer.from(phantomPng(80, 22));
  huge.writeUInt32BE(20_000, 16);
  huge.writeUInt32BE(20_000, 20);
  writeFileSync(join(folder, "huge.png"), huge);
  return folder;
}

test("a folder is imported, its bad files are listed, and it survives a reload", async ({ page }) => {
  await page.goto("/datasets");
  await page.getByTestId("folder-input").setInputFiles(folderOfImages());
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("Test images");
  await dialog.getByText("64 × 64").click();
  await dialog.getByRole("button", { name: "Import" }).click();
  await expect(page.getByRole("main")).toContainText(/12 images/);
  await expect(page.getByRole("button", { name: /skipped/ })).toHaveCount(4);
  await page
    .getByRole("button", { name: /skipped/ })
    .first()
    .click();

  await page.reload();
  await expect(page.getByRole("main")).toContainText("Test images");
  await expect(page.getByRole("main")).toContainText(/4 patients/);
});

test("a folder without images says so and leaves nothing behind", async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), "lab-none-"));
  writeFileSync(join(folder, "readme.txt"), "nothing here");
  await page.goto("/datasets");
  await page.getByTestId("folder-input").setInputFiles(folder);
  await page.getByRole("dialog").getByRole("button", { name: "Import" }).click();
  await expect(page.getByRole("main")).toContainText("data/empty");
  await expect(page.getByText("No dataset yet")).toBeVisible();
});

test("data written by a newer lab is left alone", async ({ page }) => {
  await page.goto("/runs");
  await page.evaluate(async () => {
    const open = (version?: number) =>
      new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open("denoise-lab", version);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    (await open(99)).close();
  });
  await page.goto("/datasets");
  await expect(page.getByRole("main")).toContainText("newer version");
  const version = await page.evaluate(async () => (await indexedDB.databases())[0]?.version);
  expect(version).toBe(99);
});
