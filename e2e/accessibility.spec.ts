import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./support/axe";
import { finished, startRun, TINY_RUN } from "./support/lab";

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

async function check(page: Page): Promise<void> {
  await page.waitForLoadState("networkidle");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expectAccessible(page);
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
