import { expect, test } from "@playwright/test";
import { watch } from "./support/lab";

const SCREENS = ["/?demo=off", "/datasets", "/noise", "/train", "/runs", "/denoise"];

test("no screen asks another machine for anything", async ({ page, context }) => {
  const seen = watch(context);
  for (const path of SCREENS) {
    await page.goto(path);
    await page.waitForLoadState("networkidle");
  }
  expect(seen.external).toEqual([]);
  expect(seen.errors).toEqual([]);
});

test("the policy forbids other origins, in the page and in its workers", async ({ page }) => {
  const response = await page.goto("/runs");
  const policy = response?.headers()["content-security-policy"];
  expect(policy).toContain("connect-src 'self'");
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  const violation = page.evaluate(
    () =>
      new Promise((resolve) =>
        document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective)),
      ),
  );
  const answer = await page.evaluate(() =>
    fetch("https://example.org/").then(
      () => "reached",
      () => "refused",
    ),
  );
  expect(answer).toBe("refused");
  expect(await violation).toBe("connect-src");
  const worker = (
    await page.request.get(
      await page.evaluate(() => document.querySelector<HTMLScriptElement>("script[src]")?.src ?? ""),
    )
  ).headers();
  expect(worker["content-security-policy"]).toBe(policy);
});
