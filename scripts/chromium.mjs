// Which Chromium, with which arguments: one place for the tests, the benchmark and the study.
import { existsSync } from "node:fs";
import { chromium } from "playwright";

const INSTALLED = [
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/**
 * An installed Chrome or Chromium (`CHROMIUM_PATH` first), else Playwright's own; null when there is none.
 * @returns {string | null}
 */
export function findChromium() {
  for (const path of [process.env.CHROMIUM_PATH, ...INSTALLED]) if (path && existsSync(path)) return path;
  const own = chromium.executablePath();
  return existsSync(own) ? own : null;
}

/** True where Chromium may find a GPU by itself: not Linux, or a Linux with a GPU device node. */
function hasGpu() {
  return process.platform !== "linux" || existsSync("/dev/dri") || existsSync("/dev/nvidia0");
}

/**
 * Arguments for WebGPU in headless Chromium: a real GPU where there is one, the software adapter otherwise.
 * @returns {string[]}
 */
export function chromiumArguments() {
  const args = [
    "--enable-unsafe-webgpu",
    // The browser's own requests off: the lab's are counted.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    // A window that nobody looks at trains at full speed.
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
  ];
  if (process.platform === "linux") args.push("--enable-features=Vulkan");
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  if (!hasGpu() && !process.env.LAB_BROWSER_ENV) args.push("--use-webgpu-adapter=swiftshader");
  return args;
}

/**
 * Launch options for Playwright. `LAB_BROWSER_ENV` (a JSON object) is added to Chromium's environment: that is how a
 * software adapter other than SwiftShader is brought in.
 * @returns {import("playwright").LaunchOptions}
 */
export function chromiumLaunch() {
  const executablePath = findChromium();
  const extra = process.env.LAB_BROWSER_ENV ? JSON.parse(process.env.LAB_BROWSER_ENV) : {};
  const own = Object.entries(process.env).filter(([, value]) => value !== undefined);
  return {
    ...(executablePath ? { executablePath } : {}),
    args: chromiumArguments(),
    env: { ...Object.fromEntries(own), ...extra },
  };
}
