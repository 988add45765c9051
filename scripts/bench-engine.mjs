// npm run bench:engine: the training step of several engines on one adapter, alternating, in headless Chromium.
//   node scripts/bench-engine.mjs --model unet --width 16 --size 128 --images 4 --rounds 5 --engines webgpu,tfjs-webgpu --profile
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { chromium } from "playwright";
import { createServer } from "vite";
import { chromiumArguments, chromiumLaunch } from "./chromium.mjs";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "unet" },
    width: { type: "string", default: "16" },
    size: { type: "string", default: "128" },
    images: { type: "string", default: "4" },
    rounds: { type: "string", default: "5" },
    engines: { type: "string", default: "webgpu,tfjs-webgpu,tfjs-wasm" },
    profile: { type: "boolean", default: false },
  },
});

const request = {
  model: values.model,
  width: Number(values.width),
  size: Number(values.size),
  images: Number(values.images),
  rounds: Number(values.rounds),
  engines: values.engines.split(","),
  profile: values.profile,
};

const server = await createServer({ logLevel: "warn", server: { port: 5391, strictPort: false } });
await server.listen();
const browser = await chromium.launch({
  ...chromiumLaunch(),
  args: [...chromiumArguments(), "--enable-webgpu-developer-features"],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error.message));
  const url = server.resolvedUrls?.local[0] ?? "";
  await page.goto(`${url}scripts/bench-engine.html`);
  const run = () =>
    page.evaluate(
      async ([module, asked]) => (await import(module)).benchEngines(asked),
      [`${url}scripts/bench-engine.page.ts`, request],
    );
  // The dev server reloads the page when it bundles packages that it has not seen; a few times at the most.
  const persistently = async (attempts) =>
    run().catch(async (error) => {
      if (attempts === 0 || !/navigation|destroyed/.test(error.message)) throw error;
      await page.waitForLoadState();
      return persistently(attempts - 1);
    });
  const report = await persistently(3);
  print(report, browser.version());
} finally {
  await browser.close();
  await server.close();
}

/** @param {number[]} times */
function median(times) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/**
 * @param {import("./bench-engine.page").BenchReport} report
 * @param {string} version
 */
function print({ adapter, engines, stepFlops, dispatches }, version) {
  const { model, width, size, images, rounds } = request;
  const out = [
    `${model} width ${width}, ${size}², batch ${images}, one training step, median of ${rounds} alternating steps after one`,
    `adapter: ${adapter}; Chromium ${version}; ${cpus().length} cores, ${cpus()[0]?.model}`,
    `arithmetic of a step: ${(stepFlops / 1e9).toFixed(2)} GFLOP`,
  ];
  const own = median(engines.webgpu?.stepMs ?? []);
  for (const [name, { stepMs, firstMs, peakBytes, loss }] of Object.entries(engines)) {
    const ms = median(stepMs);
    out.push(
      `${name.padEnd(12)} ${ms.toFixed(1).padStart(9)} ms (${Math.min(...stepMs).toFixed(1)}–${Math.max(...stepMs).toFixed(1)})  ${(stepFlops / ms / 1e6).toFixed(1)} GFLOP/s  first ${firstMs.toFixed(0)} ms  peak ${(peakBytes / 2 ** 20).toFixed(0)} MiB  ${(ms / own).toFixed(2)}× webgpu's time  loss ${loss.toFixed(6)}`,
    );
  }
  /** @type {Map<string, { ms: number; flops: number; count: number }>} */
  const families = new Map();
  for (const { kernel, ms, flops } of dispatches) {
    const family = kernel.split(" ")[0] ?? kernel;
    const sum = families.get(family) ?? { ms: 0, flops: 0, count: 0 };
    families.set(family, { ms: sum.ms + ms, flops: sum.flops + flops, count: sum.count + 1 });
  }
  const line = (/** @type {string} */ name, /** @type {number} */ ms, /** @type {number} */ flops) =>
    `  ${ms.toFixed(2).padStart(9)} ms  ${(flops / ms / 1e6).toFixed(1).padStart(7)} GFLOP/s  ${name}`;
  for (const [family, { ms, flops, count }] of [...families].sort((a, b) => b[1].ms - a[1].ms))
    out.push(line(`${family} ×${count}`, ms, flops));
  for (const { label, kernel, ms, flops } of [...dispatches].sort((a, b) => b.ms - a.ms).slice(0, 25))
    out.push(line(`${label}: ${kernel}`, ms, flops));
  process.stdout.write(`${out.join("\n")}\n`);
}
