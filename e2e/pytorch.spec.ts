import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { lazyFiles } from "@/evaluation/runZip";
import { phantomPng, TINY_RUN, watch } from "./support/lab";
import { pythonWith } from "./support/python";

const FIXTURE = "src/evaluation/fixtures/pytorch-run";

/** Saves the run in the form for PyTorch, by keyboard alone, and unpacks it. */
async function exported(page: Page): Promise<string> {
  await page.goto(`/train?${TINY_RUN}&training.epochs=2`);
  const opener = page.getByRole("button", { name: "Export for PyTorch" });
  await opener.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Export for PyTorch" });
  await expect(dialog).toContainText("24 phantoms, 32²");
  await expect(dialog).toContainText("python3 pytorch/train.py --bundle .");
  const save = dialog.getByRole("button", { name: "Save the zip" });
  await expect(save).toBeFocused();
  const download = page.waitForEvent("download");
  await page.keyboard.press("Enter");
  const file = await download;
  await expect(dialog).toBeHidden();
  await expect(opener).toBeFocused();
  expect(file.suggestedFilename()).toMatch(/ for PyTorch\.zip$/);
  const folder = mkdtempSync(join(tmpdir(), "lab-pytorch-"));
  const zip = new File([readFileSync(await file.path())], "bundle.zip");
  for (const { path, bytes } of await lazyFiles([zip])) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), await bytes());
  }
  return folder;
}

/** Brings a result folder in on the screen Runs; ends on the page of the run. */
async function imported(page: Page, folder: string): Promise<void> {
  await page.goto("/runs");
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Choose files" }).click();
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  await (await chooser).setFiles(files.map(({ name }) => join(folder, name)));
  await expect(page).toHaveURL(/\/runs\/./);
}

async function denoises(page: Page, model: string): Promise<void> {
  await page.goto("/denoise");
  await page.getByRole("combobox", { name: "Model" }).click();
  await page.getByRole("option", { name: model }).first().click();
  await page
    .getByTestId("denoise-input")
    .setInputFiles({ name: "chest.png", mimeType: "image/png", buffer: phantomPng(64, 1) });
  await expect(page.getByRole("slider", { name: /before|compare|divider/i }).first()).toBeVisible({
    timeout: 60_000,
  });
}

test("a run goes to PyTorch and comes back", async ({ page, context }) => {
  const seen = watch(context);
  const folder = await exported(page);
  const python = pythonWith("torch", "numpy");
  if (python === null) {
    console.warn("PyTorch is not installed: the exported run is not trained");
  } else {
    const training = spawnSync(python, ["-B", "pytorch/train.py", "--bundle", "."], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(training.status, training.stdout + training.stderr).toBe(0);
    await imported(page, join(folder, "result"));
    await expect(page.getByRole("main")).toContainText("on PyTorch");
    await expect(page.getByRole("main")).toContainText("pytorch-cpu");
    await expect(page.getByRole("main")).toContainText("On 4 test images it never saw");
  }
  expect(seen.external).toEqual([]);
  expect(seen.errors).toEqual([]);
});

test("weights that PyTorch trained denoise in the browser", async ({ page, context }) => {
  const seen = watch(context);
  await imported(page, FIXTURE);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Smooth images on PyTorch");
  await denoises(page, "Smooth images on PyTorch (best)");
  expect(seen.errors).toEqual([]);
});
