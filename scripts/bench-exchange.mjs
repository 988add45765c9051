// npm run bench:exchange: what averaging gradients costs, without networks: workers with gradients and a waiting time for a
// backward pass, through the lab's own averager, in headless Chromium.
//   node scripts/bench-exchange.mjs --rounds 7 --backward 400
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { chromium } from "playwright";
import { createServer } from "vite";
import { chromiumLaunch } from "./chromium.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    backward: { type: "string", default: "400" },
    replicas: { type: "string", default: "2,4" },
  },
});
const rounds = Number(values.rounds);
const backwardMs = Number(values.backward);
const NETWORKS = /** @type {const} */ ([
  ["U-Net", 31_036_481],
  ["U-Net++", 36_621_185],
]);

const server = await createServer({ logLevel: "warn", server: { port: 5392, strictPort: false } });
await server.listen();
const browser = await chromium.launch(chromiumLaunch());
try {
  const url = server.resolvedUrls?.local[0] ?? "";
  process.stdout.write(
    `${cpus().length} cores, ${cpus()[0]?.model}; Chromium ${browser.version()}; load ${loadavg()[0]?.toFixed(1)} at the start\n` +
      `median (and 95th percentile) of ${rounds - 1} rounds after one; backward pass: a wait of ${backwardMs} ms a replica\n\n` +
      "| network | replicas | way | payload | overlap | MB copied a step | averager, ms | added to a step, ms | longest main-thread task, ms |\n" +
      "|---|---|---|---|---|---|---|---|---|\n",
  );
  for (const [name, floats] of NETWORKS)
    for (const replicas of values.replicas.split(",").map(Number))
      for (const shared of [true, false])
        for (const payload of /** @type {const} */ (["f32", "f16"]))
          for (const overlap of [false, true]) {
            const asked = { floats, replicas, shared, payload, overlap, rounds, backwardMs };
            // A page of its own for each: what one leaves to be collected must not slow the next.
            const page = await browser.newPage();
            page.on("pageerror", (error) => console.error(error.message));
            await page.goto(`${url}scripts/bench-exchange.html`);
            const times = await page.evaluate(
              async ([module, asked]) => (await import(module)).benchExchange(asked),
              /** @type {const} */ ([`${url}scripts/bench-exchange.page.ts`, asked]),
            );
            await page.close();
            print(name, asked, times);
          }
} finally {
  await browser.close();
  await server.close();
}

/** @param {readonly number[]} times @param {number} share */
function percentile(times, share) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

/** @param {readonly number[]} times */
function summary(times) {
  return `${percentile(times, 0.5).toFixed(0)} (${percentile(times, 0.95).toFixed(0)})`;
}

/**
 * @param {string} name
 * @param {import("./bench-exchange.page").ExchangeCase} asked
 * @param {import("./bench-exchange.page").ExchangeTimes} times
 */
function print(name, { floats, replicas, shared, payload, overlap }, { addedMs, averageMs, longestTaskMs }) {
  // Every replica writes its gradients and reads the mean; the averager writes one mean, or one to each buffer that was sent.
  const copies = 2 * replicas + (shared ? 1 : replicas);
  const megabytes = (copies * floats * (payload === "f32" ? 4 : 2)) / 1e6;
  const longest = longestTaskMs === 0 ? "under 50" : longestTaskMs.toFixed(0);
  process.stdout.write(
    `| ${name} | ${replicas} | ${shared ? "shared" : "sent"} | ${payload} | ${overlap ? "on" : "off"} | ${megabytes.toFixed(0)} | ${summary(averageMs)} | ${summary(addedMs)} | ${longest} |\n`,
  );
}
