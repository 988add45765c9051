import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, type Page, test } from "@playwright/test";
import { finished, startRun, TINY_RUN } from "./support/lab";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENS = [
  "/?demo=off",
  "/datasets",
  "/noise",
  "/train",
  "/runs",
  "/report",
  "/denoise",
  "/engine",
  "/nowhere",
];
const VIEWS = [
  { width: 1280, height: 800, colorScheme: "light" },
  { width: 390, height: 844, colorScheme: "dark" },
] as const;

/** axe's findings of at least serious impact. */
async function serious(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const results = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    return (await axe.run()).violations;
  });
  return results
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
}

async function check(page: Page): Promise<void> {
  await page.waitForLoadState("networkidle");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  expect(await serious(page)).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow, "scrolls sideways").toBeLessThanOrEqual(0);
}

for (const { width, height, colorScheme } of VIEWS) {
  test(`every screen, empty, ${width} px, ${colorScheme}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    for (const path of SCREENS)
      await test.step(path, async () => {
        await page.goto(path);
        await check(page);
      });
  });

  test(`every screen after a run, ${width} px, ${colorScheme}`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await startRun(page, `${TINY_RUN}&training.epochs=2`);
    await finished(page);
    await check(page);
    for (const name of ["Runs", "Report", "Denoise", "Noise", "Datasets"]) {
      await page.getByRole("navigation").getByRole("link", { name, exact: true }).click();
      await test.step(name, () => check(page));
    }
  });
}
