// npm run bench: headless runs (docs/headless.md). Installs what is missing, then hands over to bench/main.ts.
import { spawn } from "node:child_process";
import { ensurePackages, root } from "./ensure.mjs";

ensurePackages();
const child = spawn(
  process.execPath,
  ["--import", "tsx", "scripts/bench/main.ts", ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, LAB_CALLER_FOLDER: process.cwd() },
  },
);
// Ctrl+C reaches the child too (same process group); it ends the run in order, and this process waits for it.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGINT"));
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
