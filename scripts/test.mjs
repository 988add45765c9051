// npm test: installs what is missing, then types, lint (with import directions), unit, browser and end-to-end tests.
// The last line is `N passed, N failed, N skipped`; the exit code is 1 when anything failed.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureChromium, ensurePackages, run } from "./ensure.mjs";

ensurePackages();
await ensureChromium();

const node = process.execPath;
const folder = mkdtempSync(join(tmpdir(), "denoise-lab-test-"));
const total = { passed: 0, failed: 0, skipped: 0 };

function step(title, work) {
  console.error(`\n── ${title}`);
  const started = Date.now();
  const { passed, failed, skipped } = work();
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.error(`── ${title}: ${passed} passed, ${failed} failed, ${skipped} skipped (${seconds} s)`);
}

/** A check without cases of its own counts as one. */
const check = (args) => () =>
  run(node, args) === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };

/** Counts from a report; a runner that broke before or beside its cases counts as one failure. */
function counted(status, read) {
  let counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    counts = read();
  } catch (error) {
    console.error(`no report: ${error.message}`);
  }
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  if (status === 0 && counts.passed === 0) counts.failed = 1;
  return counts;
}

const vitest = (project) => () => {
  const report = join(folder, `${project}.json`);
  const status = run(node, [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--project",
    project,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ]);
  return counted(status, () => {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, "utf8"));
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests };
  });
};

const playwright = () => {
  const report = join(folder, "e2e.json");
  const status = run(node, ["node_modules/@playwright/test/cli.js", "test"], {
    env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_NAME: report },
  });
  return counted(status, () => {
    const { expected, unexpected, flaky, skipped } = JSON.parse(readFileSync(report, "utf8")).stats;
    return { passed: expected, failed: unexpected + flaky, skipped };
  });
};

step("types", check(["node_modules/typescript/bin/tsc", "--noEmit"]));
step(
  "lint and import directions",
  check(["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."]),
);
step("unit tests", vitest("unit"));
step("browser tests", vitest("browser"));
step("end-to-end tests", playwright);

rmSync(folder, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
