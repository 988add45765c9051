import { existsSync } from "node:fs";
import { chromium, type LaunchOptions } from "playwright";

const INSTALLED = [
  "/usr/bin/google-chrome-stable",
  "/usr/bin/google-chrome",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** An installed Chrome or Chromium (`CHROMIUM_PATH` first), else Playwright's own; null when there is none. */
export function findChromium(): string | null {
  const candidates = [process.env["CHROMIUM_PATH"], ...INSTALLED];
  for (const path of candidates) if (path && existsSync(path)) return path;
  const own = chromium.executablePath();
  return existsSync(own) ? own : null;
}

/** Extra environment for Chromium, from `LAB_BROWSER_ENV` (JSON): how a software adapter other than SwiftShader is chosen. */
export function browserEnvironment(): Record<string, string> {
  const text = process.env["LAB_BROWSER_ENV"];
  return text ? (JSON.parse(text) as Record<string, string>) : {};
}

/** True where this machine shows a GPU device node or is not Linux: then Chromium chooses the adapter itself. */
function hasGpu(): boolean {
  return process.platform !== "linux" || existsSync("/dev/dri") || existsSync("/dev/nvidia0");
}

/** Arguments for WebGPU in headless Chromium: a real GPU where there is one, the software adapter otherwise. */
export function chromiumArguments(): string[] {
  const args = [
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    // No request of the browser's own: the lab's are counted.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
  ];
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  if (!hasGpu() && !process.env["LAB_BROWSER_ENV"]) args.push("--use-webgpu-adapter=swiftshader");
  return args;
}

export function chromiumLaunch(): LaunchOptions {
  const executablePath = findChromium();
  return {
    ...(executablePath ? { executablePath } : {}),
    args: chromiumArguments(),
    env: { ...(process.env as Record<string, string>), ...browserEnvironment() },
  };
}
