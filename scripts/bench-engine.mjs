// npm run bench:engine: this engine's speed beside others' on one adapter. Installs what is missing, then bench-engine/main.ts.
import { spawn } from "node:child_process";
import { ensurePackages, root } from "./ensure.mjs";

ensurePackages();
const child = spawn(
  process.execPath,
  ["--import", "tsx", "scripts/bench-engine/main.ts", ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, LAB_CALLER_FOLDER: process.cwd() },
  },
);
// Ctrl+C reaches the child too (same process group), which closes its browser.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
