import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { startStudy } from "./support/bench";

const TINY = ["--width", "2", "--size", "32", "--batch", "4", "--epochs", "1", "--data", "phantom:24"];
const newFolder = (): string => join(mkdtempSync(join(tmpdir(), "lab-study-")), "out");
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

test.describe.configure({ timeout: 300_000 });

test("a study that is interrupted goes on where it was and ends with the report of all its runs", async ({
  page,
}) => {
  const out = newFolder();
  const report = join(out, "report");
  const study = startStudy(
    ...TINY,
    ...["--engine", "tfjs-wasm", "--noise-std", "0.1,0.2", "--setups", "single,dp:2", "--setups-at", "0.1"],
    ...["--baselines", "noisy,median", "--pictures", "1", "--out", out],
  );
  // The second of six runs is at work, or just done: the first has its results and stands in a report already.
  await expect.poll(study.output, { timeout: 120_000 }).toContain("run 2/6 unetpp-std0.1-single-f32");
  study.interrupt();
  const first = await study.exit;
  expect(first.code, first.stderr).toBe(1);
  expect(first.stderr).toContain(`npm run study -- --resume ${out}`);
  const firstResult = join(out, "unet-std0.1-single-f32", "result.json");
  const madeAt = statSync(firstResult).mtimeMs;
  expect(json(join(report, "report.json")).leftOut).toContain("unetpp-std0.1-dp2-f32 is not done yet.");

  const second = await startStudy("--resume", out).exit;
  expect(second.code, second.stderr).toBe(0);
  expect(second.stdout.trim().split("\n").at(-1)).toBe(join(report, "report.html"));
  expect(second.stderr).toMatch(/run 4\/6 unetpp-std0\.2-single-f32, study about \d+ s left: /);
  expect(statSync(firstResult).mtimeMs).toBe(madeAt);
  expect(existsSync(join(out, ".resume"))).toBe(false);

  const made = json(join(report, "report.json"));
  expect(made.leftOut.join(" ")).not.toContain("not done");
  const quality = made.tables.find((table: { id: string }) => table.id === "table-3");
  const psnrAt = quality.columns.findIndex((column: { id: string }) => column.id === "ours.psnrDb");
  const results = ["unet-std0.1", "unetpp-std0.1", "unet-std0.2", "unetpp-std0.2"].map((name) =>
    json(join(out, `${name}-single-f32`, "result.json")),
  );
  expect(quality.rows.map((row: { value: number }[]) => row[psnrAt]?.value)).toEqual(
    results.map(({ test }) => test.denoised.psnrDb.mean),
  );
  for (const result of results) {
    expect(result.network).toEqual({ externalRequests: 0 });
    expect(result.engine.name).toBe("tfjs-wasm");
  }
  // Methods stand beside the first network, on the very images that both were tested on.
  expect(results[0].methods.map(({ name }: { name: string }) => name)).toEqual(["noisy", "median"]);
  expect(results[1].methods).toBeUndefined();
  expect(results[1].test.noisy).toEqual(results[0].test.noisy);

  const figures = readdirSync(join(report, "figures"));
  expect(figures).toEqual(
    expect.arrayContaining(["figure-4.svg", "figure-5-1.png", "figure-5-1.svg", "figure-6-1.png"]),
  );
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`file://${join(report, "report.html")}`);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  expect(requests.filter((url) => !/^(file|data):/.test(url))).toEqual([]);
});

test("a run that fails leaves the study its others, and is made again by --resume", async () => {
  const out = newFolder();
  const study = startStudy(
    ...TINY,
    ...["--models", "unet", "--noise-std", "0.1", "--setups", "single", "--baselines", "none"],
    // Without WebGPU there is no engine for mixed precision.
    ...["--out", out, "--browser-arg", "--disable-gpu", "--browser-arg", "--disable-software-rasterizer"],
  );
  const { code, stderr } = await study.exit;
  expect(code, stderr).toBe(1);
  expect(stderr).toContain("unet-std0.1-single-mixed: engine/");
  expect(stderr).toContain("1 of 2 runs failed");
  const { leftOut } = json(join(out, "report", "report.json"));
  expect(leftOut.join("\n")).toContain("unet-std0.1-single-mixed failed:");
  expect(json(join(out, "unet-std0.1-single-f32", "result.json")).complete).toBe(true);

  const again = await startStudy("--resume", out).exit;
  expect(again.code, again.stderr).toBe(0);
  expect(json(join(out, "unet-std0.1-single-mixed", "result.json")).engine.name).toBe("webgpu");
});
