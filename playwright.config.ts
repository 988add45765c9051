import { defineConfig } from "@playwright/test";
import { chromiumLaunch } from "./scripts/chromium.mjs";

const PORT = Number(process.env["LAB_E2E_PORT"] ?? 4199);

/** End-to-end tests over the built app, served as `npm start` serves it. */
export default defineConfig({
  testDir: "e2e",
  testMatch: "**/*.spec.ts",
  // Training takes every core: one page at a time.
  workers: 1,
  fullyParallel: false,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  reporter: process.env["PLAYWRIGHT_JSON_OUTPUT_NAME"] ? [["list"], ["json"]] : [["list"]],
  use: {
    baseURL: `http://localhost:${PORT}`,
    launchOptions: chromiumLaunch(),
    viewport: { width: 1280, height: 800 },
    trace: "off",
  },
  webServer: {
    command: `node scripts/start.mjs --no-open --port ${PORT}`,
    port: PORT,
    timeout: 180_000,
    reuseExistingServer: false,
  },
});
