import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { chromium } from "playwright";
import { createServer } from "vite";
import { LabError, toFailure } from "@/contracts/failure";
import { chromiumArguments, chromiumLaunch } from "../chromium.mjs";
import { ensureChromium, root } from "../ensure.mjs";
import { type BenchOptions, HELP, parseOptions } from "./options";
import { runPytorch } from "./pytorch";
import { type Beside, type Conditions, type Report, reportText } from "./report";
import type { Measured } from "./training";

type Work = Exclude<BenchOptions, { readonly kind: "help" }>;

const PACKAGES = {
  tfjs: "@tensorflow/tfjs-core",
  "jax-js": "@jax-js/jax",
  "onnxruntime-web": "onnxruntime-web",
} as const;

function versions(chromiumVersion: string, torch: string | null): Conditions["versions"] {
  const packages = Object.entries(PACKAGES).map(([name, path]) => {
    const text = readFileSync(`${root}/node_modules/${path}/package.json`, "utf8");
    return [name, (JSON.parse(text) as { readonly version: string }).version];
  });
  return {
    Chromium: chromiumVersion,
    ...Object.fromEntries(packages),
    ...(torch === null ? {} : { torch }),
  };
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], { cwd: root, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

/** Runs the page in Chromium, which reaches nothing but this server. */
async function measure(options: Work): Promise<{ readonly measured: Measured; readonly chromium: string }> {
  const server = await createServer({
    root,
    logLevel: "warn",
    server: { port: 5391, strictPort: false, hmr: false },
    optimizeDeps: {
      include: [
        "@jax-js/jax",
        "@tensorflow/tfjs-core/dist/register_all_gradients",
        "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops",
      ],
      exclude: ["onnxruntime-web"],
    },
  });
  await server.listen();
  const browser = await chromium.launch({
    ...chromiumLaunch(),
    // Timestamps of single dispatches in full resolution.
    args: [...chromiumArguments(), "--enable-webgpu-developer-features"],
  });
  try {
    const url = server.resolvedUrls?.local[0] ?? "";
    const context = await browser.newContext();
    await context.route(
      (address) => !address.href.startsWith(url) && !/^(blob|data):$/.test(address.protocol),
      (route) => route.abort(),
    );
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error(error.message));
    await page.exposeFunction("benchProgress", (line: string) => console.error(line));
    await page.goto(`${url}scripts/bench-engine/page.html`);
    const run = (): Promise<Measured> =>
      page.evaluate(
        async ([address, name, request]) =>
          ((await import(address)) as Record<string, (request: unknown) => Promise<Measured>>)[name]?.(
            request,
          ) as Promise<Measured>,
        [
          `${url}scripts/bench-engine/page.ts`,
          options.kind === "training" ? "runTraining" : "runInference",
          options,
        ] as const,
      );
    // The dev server reloads the page when it bundles packages that it has not seen; a few times at the most.
    const persistently = async (attempts: number): Promise<Measured> => {
      try {
        return await run();
      } catch (error) {
        const text = error instanceof Error ? error.message : "";
        if (attempts === 0 || !/navigation|destroyed|Failed to fetch dynamically/.test(text)) throw error;
        await page.waitForLoadState();
        return persistently(attempts - 1);
      }
    };
    return { measured: await persistently(3), chromium: browser.version() };
  } finally {
    await browser.close();
    await server.close();
  }
}

function titleOf({ kind, model, width, size, images }: Work): string {
  const network = `${model === "unet" ? "U-Net" : "U-Net++"} width ${width}, ${size}²`;
  return kind === "training"
    ? `${network}, batch ${images}: one training step`
    : `${network}: a forward pass of one image`;
}

async function bench(options: Work): Promise<Report> {
  const loadBefore = loadavg()[0] ?? Number.NaN;
  // Before the work, during which someone may commit.
  const measuredCommit = commit();
  const wanted = options.kind === "training" && options.pytorch;
  const before = wanted ? runPytorch(options) : null;
  const { measured, chromium: version } = await measure(options);
  const after = wanted && typeof before !== "string" ? runPytorch(options) : before;
  const pytorch: Beside | string | null =
    before === null || after === null
      ? null
      : typeof before === "string"
        ? before
        : typeof after === "string"
          ? after
          : { before, after };
  const torch = pytorch === null || typeof pytorch === "string" ? null : pytorch.after.torch;
  return {
    title: titleOf(options),
    measured,
    pytorch,
    conditions: {
      commit: measuredCommit,
      cores: cpus().length,
      processor: cpus()[0]?.model ?? "unknown processor",
      loadBefore,
      loadAfter: loadavg()[0] ?? Number.NaN,
      versions: versions(version, torch),
    },
  };
}

async function main(): Promise<number> {
  try {
    const options = parseOptions(process.argv.slice(2), process.env["LAB_CALLER_FOLDER"] ?? ".");
    if (options.kind === "help") {
      console.log(HELP);
      return 0;
    }
    await ensureChromium();
    const report = await bench(options);
    process.stdout.write(reportText(report));
    if (options.json !== null) writeFileSync(options.json, JSON.stringify({ options, ...report }, null, 1));
    const { contenders } = report.measured;
    return contenders.length > 0 && contenders.every(({ failure }) => failure !== null) ? 1 : 0;
  } catch (error) {
    const { code, message, remedy } = error instanceof LabError ? error.failure : toFailure(error);
    console.error(`${code}: ${message} ${remedy}`);
    return code === "bench/options" ? 2 : 1;
  }
}

process.exit(await main());
