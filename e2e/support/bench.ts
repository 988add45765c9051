import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface BenchExit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `npm run bench -- …` to its end. */
export function bench(...args: string[]): Promise<BenchExit> {
  return startBench(...args).exit;
}

/** Starts it. */
export function startBench(...args: string[]): Headless {
  return start("scripts/bench.mjs", args);
}

/** Starts `npm run study -- …`. */
export function startStudy(...args: string[]): Headless {
  return start("scripts/study.mjs", args);
}

export interface Headless {
  readonly exit: Promise<BenchExit>;
  /** Standard error so far. */
  readonly output: () => string;
  /** What Ctrl+C does. */
  interrupt(): void;
}

function start(script: string, args: readonly string[]): Headless {
  const child: ChildProcess = spawn(process.execPath, [script, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const exit = new Promise<BenchExit>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return {
    exit,
    output: () => stderr,
    interrupt: () => {
      // A terminal sends Ctrl+C to the whole process group.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
    },
  };
}
