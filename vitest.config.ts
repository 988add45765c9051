import { playwright } from "@vitest/browser-playwright";
import { defineConfig, mergeConfig } from "vitest/config";
import { chromiumLaunch } from "./scripts/chromium.mjs";
import viteConfig from "./vite.config.ts";

/** `*.test.ts` run in Node; `*.gpu.test.ts` run in Chromium, beside the source they test. */
export default mergeConfig(
  viteConfig,
  defineConfig({
    test: {
      projects: [
        {
          extends: true,
          test: {
            name: "unit",
            environment: "node",
            include: [
              "src/**/*.test.{ts,tsx}",
              "workers/**/*.test.ts",
              "scripts/**/*.test.ts",
              "tests/**/*.test.ts",
            ],
            exclude: ["**/*.gpu.test.ts"],
            // A software adapter compiles shaders for tens of seconds when it has no cache yet.
            testTimeout: 300_000,
          },
        },
        {
          extends: true,
          test: {
            name: "browser",
            include: ["src/**/*.gpu.test.ts", "workers/**/*.gpu.test.ts"],
            testTimeout: 300_000,
            fileParallelism: false,
            browser: {
              enabled: true,
              headless: true,
              screenshotFailures: false,
              provider: playwright({ launchOptions: chromiumLaunch() }),
              instances: [{ browser: "chromium" }],
            },
          },
        },
      ],
    },
  }),
);
