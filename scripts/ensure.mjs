// Installs what is missing before a script runs: npm packages, and a Chromium for what drives a browser.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs a command in the repository root with its output shown on standard error; returns its exit status. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

const npm = process.platform === "win32" ? "npm.cmd" : "npm";

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`Node ${process.versions.node} is too old: install Node 20.19 or newer.`);
  process.exit(2);
}

/** Packages as the lock file says: `npm ci` when node_modules is absent or was made from another lock file. */
export function ensurePackages() {
  requireNode();
  const wanted = JSON.parse(readFileSync(`${root}/package-lock.json`, "utf8")).packages;
  const hidden = `${root}/node_modules/.package-lock.json`;
  if (existsSync(hidden)) {
    const have = JSON.parse(readFileSync(hidden, "utf8")).packages;
    const stale = Object.entries(wanted).some(
      ([path, entry]) => path !== "" && !entry.optional && have[path]?.version !== entry.version,
    );
    if (!stale) return;
  }
  console.error("Installing packages…");
  if (run(npm, ["ci", "--no-audit", "--no-fund"], { shell: process.platform === "win32" }) === 0) return;
  console.error("npm ci failed: check the network (or npm's registry setting) and run the command again.");
  process.exit(1);
}

/** A Chromium to drive: an installed one, else Playwright's own download, else Debian's package. */
export async function ensureChromium() {
  const { findChromium } = await import("./chromium.mjs");
  const found = findChromium();
  if (found) return found;
  console.error("No Chrome or Chromium found; downloading Playwright's…");
  if (
    run(process.execPath, ["node_modules/playwright/cli.js", "install", "chromium"]) !== 0 &&
    process.getuid?.() === 0
  ) {
    console.error("That failed; installing Debian's package…");
    run("apt-get", ["update", "-q"]);
    run("apt-get", ["install", "-y", "-q", "chromium"]);
  }
  const installed = findChromium();
  if (installed) return installed;
  console.error(
    "No Chromium could be installed: install Chrome or Chromium, or set CHROMIUM_PATH to one, and run again.",
  );
  process.exit(1);
}
