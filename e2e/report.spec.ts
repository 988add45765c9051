import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Locator, type Page, test } from "@playwright/test";
import type { StudyReport } from "@/contracts/studyReport";
import { parseCsv } from "@/evaluation/csv";
import { parseResultJson } from "@/evaluation/resultJson";
import { unpack } from "../scripts/bench/output";
import { expectAccessible } from "./support/axe";
import { finished, startRun, TINY_RUN, watch } from "./support/lab";

/** Goes to a control with the keyboard's help and presses Enter. */
async function press(page: Page, control: Locator): Promise<void> {
  await control.focus();
  await page.keyboard.press("Enter");
}

async function saved(page: Page, act: () => Promise<void>): Promise<string> {
  const download = page.waitForEvent("download");
  await act();
  const path = join(mkdtempSync(join(tmpdir(), "lab-report-")), (await download).suggestedFilename());
  await (await download).saveAs(path);
  return path;
}

async function trainBoth(page: Page): Promise<void> {
  for (const model of ["unet", "unetpp"]) {
    await startRun(page, `${TINY_RUN}&training.epochs=2&model.name=${model}`);
    await finished(page);
  }
}

/** The results of the runs, as they are exported. */
async function resultsOf(page: Page): Promise<ReturnType<typeof parseResultJson>[]> {
  await page.goto("/runs");
  const results = [];
  for (const name of [/^U-Net w2/, /^U-Net\+\+ w2/]) {
    const row = page.getByRole("row").filter({ has: page.getByRole("link", { name }) });
    const zip = await saved(page, async () => {
      await row.getByRole("button").last().click();
      await page.getByRole("menuitem", { name: "Export as zip" }).click();
    });
    const folder = mkdtempSync(join(tmpdir(), "lab-result-"));
    await unpack(zip, folder);
    results.push(parseResultJson(readFileSync(join(folder, "result.json"), "utf8")));
  }
  return results;
}

test("without a run it says what to do", async ({ page }) => {
  await page.goto("/report");
  await expect(page.getByRole("heading", { name: "No finished run yet" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Download" })).toBeDisabled();
  await expectAccessible(page);
  await page.getByRole("link", { name: "Train U-Net++" }).click();
  await expect(page).toHaveURL(/model\.name=unetpp/);
});

test("a report of two runs by keyboard: its cells are those of result.json, its files agree, nothing leaves", async ({
  page,
  context,
}) => {
  const seen = watch(context);
  await trainBoth(page);
  const results = await resultsOf(page);
  await page.goto("/runs");
  await press(page, page.getByRole("link", { name: "Make report" }));
  const quality = page.getByRole("region", { name: "Table III, table" });
  await expect(quality).toBeVisible();
  await expect(page.getByRole("heading", { name: "2 of 2 runs" })).toBeVisible();
  for (const [{ result }, name] of results.map(
    (one, i) => [one, ["U-Net, σ 0.1", "U-Net++, σ 0.1"][i]] as const,
  )) {
    const { psnrDb, ssim } = result.test?.denoised ?? {
      psnrDb: { mean: 0, ci95: 0 },
      ssim: { mean: 0, ci95: 0 },
    };
    const row = quality.getByRole("row").filter({
      has: page.getByRole("rowheader", { name: new RegExp(`^${name?.replaceAll("+", "\\+")}1?$`) }),
    });
    const minus = (text: string): string => text.replace("-", "−");
    await expect(row).toContainText(`${minus(psnrDb.mean.toFixed(3))} ± ${psnrDb.ci95.toFixed(3)}`);
    await expect(row).toContainText(`${minus(ssim.mean.toFixed(4))} ± ${ssim.ci95.toFixed(4)}`);
  }
  await expect(quality).toContainText("34.952 ± 0.040");
  await expect(page.getByRole("region", { name: "Network against network, table" })).toContainText(
    "U-Net++ less U-Net",
  );

  await press(page, page.getByRole("button", { name: "Draw the pictures" }));
  const figure = page.getByRole("img", { name: /^Figure 5: test image/ });
  await expect(figure).toBeVisible();
  await expect(figure).toHaveAccessibleName(/Noisy, \d+\.\d\d dB; U-Net, .* dB; U-Net\+\+, .* dB; Clean/);
  expect(
    await figure.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth),
  ).toBeGreaterThan(700);
  // Another crop draws it again.
  const before = await figure.getAttribute("src");
  await page.getByRole("slider", { name: "Crop from left" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => figure.getAttribute("src")).not.toBe(before);

  // So does a click on an image: the crop goes there.
  const moved = await figure.getAttribute("src");
  const box = await figure.boundingBox();
  if (!box) throw new Error("The figure has no place on the page.");
  await figure.click({ position: { x: box.width * 0.1, y: box.height * 0.2 } });
  await expect.poll(() => figure.getAttribute("src")).not.toBe(moved);
  await expect(page.getByRole("slider", { name: "Crop from left" })).not.toHaveAttribute(
    "aria-valuenow",
    "0.21",
  );

  const download = async (label: string): Promise<string> =>
    saved(page, async () => {
      await press(page, page.getByRole("button", { name: "Download", exact: true }));
      await press(page, page.getByRole("menuitem", { name: label, exact: true }));
    });
  const textOf = async (label: string): Promise<string> => readFileSync(await download(label), "utf8");
  const report = JSON.parse(await textOf("JSON")) as StudyReport;
  expect(report.schemaVersion).toBe(1);
  const table = report.tables.find(({ id }) => id === "table-3");
  const at = table?.columns.findIndex(({ id }) => id === "ours.psnrDb") ?? -1;
  for (const [i, { result }] of results.entries())
    expect(table?.rows[i]?.[at]).toMatchObject({
      value: result.test?.denoised.psnrDb.mean,
      ci95: result.test?.denoised.psnrDb.ci95,
    });
  const html = await textOf("HTML, one file");
  expect(html).toContain("<h3>Table III</h3>");
  expect(html.match(/data:image\/png;base64,/g)?.length).toBe(3);
  expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/https?:/);
  expect(await textOf("Markdown")).toContain("**Table III.**");
  expect(await textOf("LaTeX")).toContain("\\toprule");
  const folder = mkdtempSync(join(tmpdir(), "lab-report-"));
  await unpack(await download("Everything (zip)"), folder);
  const [header] = parseCsv(readFileSync(join(folder, "tables/table-3.csv"), "utf8"));
  expect(header).toContain("PSNR (dB) low");
  expect(readFileSync(join(folder, "figures/figure-5-1.png")).subarray(1, 4).toString()).toBe("PNG");
  const tables = mkdtempSync(join(tmpdir(), "lab-report-"));
  await unpack(await download("Tables as CSV (zip)"), tables);
  expect(readFileSync(join(tables, "tables/table-1.csv"), "utf8")).toContain("U-Net++");

  const png = await saved(page, async () => {
    await press(page, page.getByRole("button", { name: "Save Figure 4" }));
    await press(page, page.getByRole("menuitem", { name: "PNG" }));
  });
  expect(readFileSync(png).subarray(1, 4).toString()).toBe("PNG");

  await expect(page.getByRole("menu")).toHaveCount(0);
  for (const [width, colorScheme] of [
    [1280, "light"],
    [390, "dark"],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    // Colours take a moment to change.
    await expectAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
  }
  expect(seen.external).toEqual([]);
  expect(seen.errors).toEqual([]);
});

test("exported runs are imported together where there is none yet, and their report is made at once", async ({
  page,
  browser,
}) => {
  await trainBoth(page);
  await page.goto("/runs");
  const zips: string[] = [];
  for (const row of [1, 2])
    zips.push(
      await saved(page, async () => {
        await page.getByRole("row").nth(row).getByRole("button").last().click();
        await page.getByRole("menuitem", { name: "Export as zip" }).click();
      }),
    );
  const elsewhere = await (await browser.newContext()).newPage();
  await elsewhere.goto(`${new URL(page.url()).origin}/report`);
  const chooser = elsewhere.waitForEvent("filechooser");
  await elsewhere.getByRole("button", { name: "Choose files" }).click();
  await (await chooser).setFiles(zips);
  await expect(elsewhere.getByRole("heading", { name: "2 of 2 runs" })).toBeVisible();
  await expect(elsewhere.getByRole("region", { name: "Table III, table" })).toContainText("34.952 ± 0.040");
  await expect(elsewhere.getByRole("heading", { name: "Network against network" })).toBeVisible();
  // The images are not here: it says so instead of showing others.
  await elsewhere.getByRole("button", { name: "Draw the pictures" }).click();
  await expect(elsewhere.getByText(/^No pictures of .*: its test images are not stored here\.$/)).toHaveCount(
    2,
  );
  // A file that is no run does not keep the others out.
  await elsewhere.goto("/runs");
  const bad = join(mkdtempSync(join(tmpdir(), "lab-report-")), "bad.zip");
  writeFileSync(bad, "PK");
  const again = elsewhere.waitForEvent("filechooser");
  await elsewhere.getByRole("button", { name: "Choose files" }).click();
  await (await again).setFiles([bad, ...zips.slice(0, 1)]);
  await expect(elsewhere.getByText("1 of 2 runs were not imported")).toBeVisible();
  await expect(elsewhere.getByRole("row")).toHaveCount(4);
});

test("runs are taken out and put in, and the report follows", async ({ page }) => {
  await trainBoth(page);
  await page.goto("/report");
  await expect(page.getByRole("heading", { name: "Network against network" })).toBeVisible();
  await page.getByRole("checkbox", { name: /^U-Net\+\+ w2/ }).uncheck();
  await expect(page.getByRole("heading", { name: "Network against network" })).toHaveCount(0);
  await expect(page.getByText("Network against network needs runs of two networks.")).toBeVisible();
  await page.getByRole("button", { name: "None" }).click();
  await expect(page.getByText("Choose runs to see their report.")).toBeVisible();
  await page.getByRole("button", { name: "All" }).click();
  await expect(page.getByRole("heading", { name: "Network against network" })).toBeVisible();
});
