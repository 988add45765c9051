import { spawn } from "node:child_process";
import { ensurePackages, root } from "./ensure.mjs";

/**
 * Installs what is missing, then hands over to a headless command in TypeScript (docs/headless.md).
 * @param {string} script its path in the repository
 */
export function headless(script) {
  ensurePackages();
  const child = spawn(process.execPath, ["--import", "tsx", script, ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, LAB_CALLER_FOLDER: process.cwd() },
  });
  // Ctrl+C reaches the child too (same process group); it ends the run in order, and this process waits for it.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGINT"));
  child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}
