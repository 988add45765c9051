import { readFileSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";

/** The smallest U-Net: compiled in seconds on software adapters too. */
const SMALL = "/engine?model.width=2&data.size=32&training.batchSize=2&pass=training";
const MEASURED_MS = 150_000;

test("the engine screen plans, measures and exports a trace", async ({ page }) => {
  await page.goto(SMALL);
  const measure = page.getByRole("button", { name: "Measure", exact: true });
  await measure.waitFor();
  await expect(page.getByText("conv1.0 forward").first()).toBeVisible();
  await measure.click();
  await expect(page.getByText(/^Measured:/)).toBeVisible({ timeout: MEASURED_MS });
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: /trace/i }).click();
  const path = await (await download).path();
  const { traceEvents } = JSON.parse(readFileSync(path, "utf8")) as {
    traceEvents: { ph: string; name: string; dur?: number }[];
  };
  const spans = traceEvents.filter(({ ph }) => ph === "X");
  expect(spans.length).toBeGreaterThan(100);
  expect(spans.some(({ name }) => name.includes("conv1.0"))).toBe(true);
  expect(spans.reduce((sum, { dur = 0 }) => sum + dur, 0)).toBeGreaterThan(0);
});

/** Where the keyboard is: marked for `unreached`, and told whether it can be seen. */
function atFocus(page: Page): Promise<{ name: string; outlined: boolean; inSight: boolean } | null> {
  return page.evaluate(() => {
    const focused = document.activeElement;
    if (!(focused instanceof HTMLElement) || focused === document.body) return null;
    focused.dataset["reached"] = "";
    // The radio of a segmented control is hidden; its label is what one sees.
    const label = focused.matches("[type=radio]") && document.querySelector(`label[for="${focused.id}"]`);
    const seen = label || focused;
    const { outlineStyle, outlineWidth } = getComputedStyle(seen);
    const { left, top, width, height } = seen.getBoundingClientRect();
    // The header and, on a phone, the bar at the bottom lie over the page. Regions are taller than what shows of them.
    const over = document.elementFromPoint(left + width / 2, top + Math.min(height / 2, 20));
    return {
      name: focused.getAttribute("aria-label") ?? focused.textContent ?? "",
      outlined: outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2,
      inSight: over !== null && (seen.contains(over) || over.contains(seen)),
    };
  });
}

/** Controls that no Tab went to. Of a group of radios one suffices: the arrow keys go to the others. */
function unreached(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const controls = document.querySelectorAll<HTMLElement>(
      "a[href], button:not(:disabled), input:not(:disabled):not([type=hidden]), [tabindex='0']",
    );
    return [...controls]
      .filter((control) => control.getClientRects().length > 0 && control.dataset["reached"] === undefined)
      .filter((control) => !control.matches("[type=radio]:not(:checked)"))
      .map((control) => control.outerHTML.slice(0, 200));
  });
}

/** More Tabs than there are controls, so that a trap shows. */
const MOST_STOPS = 100;

for (const viewport of [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
])
  test(`the keyboard reaches everything on the engine screen, in sight, ${viewport.width} px`, async ({
    page,
  }) => {
    await page.setViewportSize(viewport);
    await page.goto(SMALL);
    const measure = page.getByRole("button", { name: "Measure", exact: true });
    await expect(measure).toBeEnabled();
    await measure.focus();
    await page.keyboard.press("Enter");
    // The focus follows the job: to the button that would end it, and back.
    await expect(page.getByRole("button", { name: "Cancel" })).toBeFocused();
    await expect(page.getByText(/^Measured:/)).toBeVisible({ timeout: MEASURED_MS });
    await expect(measure).toBeFocused();

    await page.getByRole("link", { name: "Skip to the content" }).focus();
    for (const key of ["Tab", "Shift+Tab"]) {
      let stops = 0;
      for (let at = await atFocus(page); at !== null && stops < MOST_STOPS; at = await atFocus(page)) {
        expect(at, `${key} ${stops}`).toMatchObject({ outlined: true, inSight: true });
        await page.keyboard.press(key);
        stops++;
      }
      expect(stops, "left the page at its end").toBeLessThan(MOST_STOPS);
      expect(await unreached(page)).toEqual([]);
      await page.getByRole("button", { name: "How to read this" }).focus();
    }
  });

test("the keyboard works the engine screen", async ({ page }) => {
  await page.goto(SMALL);
  const measure = page.getByRole("button", { name: "Measure", exact: true });
  await expect(measure).toBeEnabled();
  await measure.press("Enter");
  await expect(page.getByText(/^Measured:/)).toBeVisible({ timeout: MEASURED_MS });

  const slider = page.getByRole("slider", { name: "Dispatches in the order of time" });
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect(slider).toHaveAttribute("aria-valuetext", /conv1\.2 forward/);
  await page.keyboard.press("Enter");
  await expect(page.locator("tr[data-chosen]", { hasText: "conv1.2 forward" })).toBeInViewport();

  const dispatches = page.getByRole("region", { name: "Dispatches", exact: true });
  await dispatches.getByRole("radio", { name: "Both ways" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(dispatches.getByRole("radio", { name: "Forward" })).toBeChecked();
  const stages = page.getByRole("region", { name: "Table of dispatches" }).getByRole("rowheader");
  await expect(stages.filter({ hasText: "dgrad" })).toHaveCount(0);
  const sort = page.getByRole("columnheader", { name: "Stage" });
  await sort.getByRole("button").press("Space");
  await expect(sort).toHaveAttribute("aria-sort", /ascending|descending/);

  const precision = page.getByRole("combobox", { name: "Precision" });
  await precision.press("Enter");
  const mixed = page.getByRole("option", { name: "Mixed 16/32-bit" });
  await expect(mixed).toBeVisible();
  await expect(async () => {
    await page.keyboard.press("ArrowDown");
    await expect(mixed).toHaveAttribute("data-combobox-selected", "true", { timeout: 500 });
  }).toPass();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: /mixed precision$/ })).toBeVisible();
});

/** Stores two choices of a tuner, as if other devices had been tuned in this browser. */
async function storeTuning(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const [{ name = "" } = {}] = await indexedDB.databases();
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const transaction = database.transaction("tuning", "readwrite");
    for (const kernel of ["convForward 16→32 64×64×4", "convDgrad 32→16 64×64×4"])
      transaction.objectStore("tuning").put({
        device: "another adapter, another browser",
        kernel,
        variant: "tile",
        ms: 1,
        defaultVariant: "pixel",
        defaultMs: 2,
        measuredAtMs: 1,
      });
    await new Promise((resolve) => {
      transaction.oncomplete = resolve;
    });
    database.close();
  });
}

test("the stored tuning is shown and reset, by the keyboard alone", async ({ page }) => {
  await page.goto(SMALL);
  const reset = page.getByRole("button", { name: "Reset", exact: true });
  await expect(reset).toBeDisabled();
  await expect(page.getByText("Nothing is tuned for this device yet")).toBeVisible();
  await storeTuning(page);
  await page.reload();
  const stored = page.getByRole("button", { name: /^Another device: .* \(2 operations\)$/ });
  await expect(stored).toBeVisible();
  await reset.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Forget the tuning?" });
  await expect(dialog).toContainText("2 choices of 1 device");
  // Escape keeps it, and the focus goes back to where it was.
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(reset).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(dialog.getByRole("button", { name: "Keep it" })).toBeFocused();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(stored).toBeHidden();
  await expect(reset).toBeDisabled();
  await expect(page.getByRole("heading", { name: "Tuning" })).toBeFocused();
  await page.reload();
  await expect(page.getByText("Nothing is tuned for this device yet")).toBeVisible();
  await expect(reset).toBeDisabled();
});
