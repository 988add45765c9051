// npm run get-lpips: LPIPS weights from their official homes (docs/evaluation.md). Installs what is missing, then hands over.
import { spawn } from "node:child_process";
import { ensurePackages, root } from "./ensure.mjs";

ensurePackages();
const child = spawn(
  process.execPath,
  ["--import", "tsx", "scripts/get-lpips/main.ts", ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, LAB_CALLER_FOLDER: process.cwd() },
  },
);
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
