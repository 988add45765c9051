import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { bench } from "./support/bench";
import { finished, startRun, TINY_RUN, watch } from "./support/lab";

const WEIGHTS = "../shared/data/lpips/lpips_squeeze_fp16.safetensors";
const FLOAT32_WEIGHTS = "../shared/data/lpips/lpips_squeeze_fp32.safetensors";
const present = existsSync(WEIGHTS);
if (!present) console.warn(`${WEIGHTS} is not here: LPIPS is not measured in a run`);

function pythonWithTorch(): string | null {
  const works = (command: string): boolean => {
    try {
      execFileSync(command, ["-c", "import torch, numpy"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  return ["python3", "/usr/bin/python3"].find(works) ?? null;
}

test("a bad weight file gets one sentence; a run without weights says so, and gets its LPIPS later", async ({
  page,
}) => {
  await page.goto("/runs");
  const panel = page.getByRole("region", { name: "LPIPS weights" });
  await expect(panel).toContainText("None are stored");
  const file = { name: "x.safetensors", mimeType: "", buffer: Buffer.from("not weights at all") };
  await panel.locator("input[type=file]").setInputFiles(file);
  await expect(panel.getByRole("alert")).toContainText("weights/");
  await expect(panel).toContainText("None are stored");

  await startRun(page, `${TINY_RUN}&training.epochs=1`);
  await finished(page);
  const metrics = page.getByRole("region", { name: "Test metrics" });
  await expect(metrics).toContainText("LPIPS: no weights.");

  test.skip(!present, `${WEIGHTS} is not here`);
  await page.goto("/runs");
  await panel.locator("input[type=file]").setInputFiles(WEIGHTS);
  await expect(panel).toContainText("SqueezeNet");
  await page.getByRole("link", { name: /U-Net w2/ }).click();
  await page.getByRole("button", { name: "Measure LPIPS" }).focus();
  await page.keyboard.press("Enter");
  await expect(metrics).toContainText("LPIPS v0.1 with SqueezeNet");
  await expect(metrics.getByRole("columnheader", { name: "LPIPS" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Measure LPIPS" })).toHaveCount(0);
});

test("weights are loaded once, by keyboard too, and measured in every run after", async ({
  page,
  context,
}) => {
  test.skip(!present, `${WEIGHTS} is not here`);
  const { external, errors } = watch(context);
  await page.goto("/runs");
  const panel = page.getByRole("region", { name: "LPIPS weights" });
  const chooser = page.waitForEvent("filechooser");
  await panel.getByRole("button", { name: "Load weight files" }).focus();
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(WEIGHTS);
  await expect(panel).toContainText("SqueezeNet");
  await page.reload();
  await expect(panel).toContainText("lpips_squeeze_fp16.safetensors");

  await startRun(page, `${TINY_RUN}&training.epochs=1`);
  await finished(page);
  const metrics = page.getByRole("region", { name: "Test metrics" });
  await expect(metrics.getByRole("columnheader", { name: "LPIPS" })).toBeVisible();
  await expect(metrics).toContainText("LPIPS v0.1 with SqueezeNet");

  await page.goto("/runs");
  await panel.getByRole("button", { name: "Remove the SqueezeNet weights" }).click();
  await expect(panel).toContainText("None are stored");
  expect({ external, errors }).toEqual({ external: [], errors: [] });
});

test("the original files of network and heads are loaded together, and one alone asks for the other", async ({
  page,
}) => {
  const python = pythonWithTorch();
  if (python === null) console.warn("PyTorch is not installed: its original weight files are not made");
  test.skip(!present || python === null, `${WEIGHTS} or a Python with torch is not here`);
  const folder = mkdtempSync(join(tmpdir(), "lab-pth-"));
  execFileSync(python ?? "", ["-B", "pytorch/make_lpips_originals.py", FLOAT32_WEIGHTS, folder]);
  const [backbone, heads] = [join(folder, "backbone.pth"), join(folder, "heads.pth")];
  await page.goto("/runs");
  const panel = page.getByRole("region", { name: "LPIPS weights" });
  const input = panel.locator("input[type=file]");
  await input.setInputFiles([heads]);
  await expect(panel.getByRole("alert")).toContainText("Choose both files at once");
  await input.setInputFiles([heads, backbone]);
  await expect(panel).toContainText("heads.pth + backbone.pth");
  await expect(panel.getByRole("alert")).toHaveCount(0);

  await startRun(page, `${TINY_RUN}&training.epochs=1&evaluation.baselines=${JSON.stringify(["median"])}`);
  await finished(page);
  await page
    .getByRole("region", { name: "Prior methods" })
    .getByRole("link", { name: "run's results" })
    .click();
  const table = page.getByRole("region", { name: "Against prior methods" });
  await expect(table.getByRole("columnheader", { name: "LPIPS" })).toBeVisible();
  await expect(
    table
      .getByRole("row", { name: /^Median/ })
      .getByRole("cell")
      .nth(2),
  ).toHaveText(/^0\.\d{4} ± 0\.\d{4}$/);
});

test("a headless run measures LPIPS with the weights it is given", async () => {
  test.skip(!present, `${WEIGHTS} is not here`);
  test.setTimeout(300_000);
  const out = join(mkdtempSync(join(tmpdir(), "lab-lpips-")), "out");
  const network = ["--width", "2", "--size", "32", "--batch", "4", "--engine", "tfjs-wasm", "--epochs", "1"];
  const { code, stderr } = await bench(
    ...[
      ...network,
      "--data",
      "phantom:24",
      "--evaluate",
      "psnr,ssim,lpips",
      "--lpips",
      WEIGHTS,
      "--out",
      out,
    ],
  );
  expect(code, stderr).toBe(0);
  const { test: result } = JSON.parse(readFileSync(join(out, "result.json"), "utf8"));
  expect(result.lpips).toMatchObject({ ok: true, value: { network: "squeeze" } });
  expect(result.denoised.lpips.mean).toBeGreaterThan(0);
  const rows = readFileSync(join(out, "per-image.csv"), "utf8").trim().split("\n").slice(1);
  // Seven columns: MS-SSIM, further right, has none of so small images.
  for (const row of rows) expect(row.split(",", 7).every((cell) => cell !== "")).toBe(true);
  expect(readFileSync(join(out, "report.md"), "utf8")).toContain("LPIPS v0.1 with SqueezeNet");
});
