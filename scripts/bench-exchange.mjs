// npm run bench:exchange: what averaging gradients costs, without networks: workers with gradients and a waiting time for a
// backward pass, through the lab's own averager, in headless Chromium. Processor times are read on Linux only.
//   node scripts/bench-exchange.mjs --rounds 7 --backward 400
import { readdirSync, readFileSync } from "node:fs";
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
      "| network | replicas | way | payload | overlap | MB moved a step | as plain copies, ms | busiest replica, ms | processor, all threads, ms | main thread's, ms | added to a step, ms | longest main-thread task, ms |\n" +
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n",
  );
  for (const [name, floats] of NETWORKS)
    for (const replicas of values.replicas.split(",").map(Number))
      for (const shared of [true, false])
        for (const payload of /** @type {const} */ (["f32", "f16"]))
          for (const overlap of [false, true]) {
            const bytes = bytesMoved({ floats, replicas, shared, payload, overlap });
            // A copy moves each of its bytes twice.
            const floorBytes = Math.ceil(bytes / replicas / 2);
            const asked = { floats, replicas, shared, payload, overlap, rounds, backwardMs, floorBytes };
            // A page of its own for each: what one leaves to be collected must not slow the next.
            const page = await browser.newPage();
            page.on("pageerror", (error) => console.error(error.message));
            await page.exposeFunction("readCpuMs", () => cpuMs());
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
 * Bytes that all replicas read and write in a step. Halved gradients are read twice (the largest first), and so is their mean.
 * @param {Pick<import("./bench-exchange.page").ExchangeCase, "floats" | "replicas" | "shared" | "payload" | "overlap">} of
 */
function bytesMoved({ floats, replicas, shared, payload, overlap }) {
  const whole = 4 * floats;
  const sent = payload === "f32" ? whole : 2 * floats;
  // Out of the engine's array, to where gradients are averaged.
  let bytes = overlap ? 0 : 2 * replicas * whole;
  if (payload === "f16") bytes += replicas * (2 * whole + sent) + 2 * whole + 2 * sent;
  bytes += replicas * sent + whole;
  // To a buffer, through memory that kernels see, the mean into the buffer, and out of it.
  if (!shared) bytes += (replicas - 1) * 8 * sent;
  return bytes;
}

/** Processor time of all threads of pages so far, and of their main threads; NaN where the system does not tell. */
function cpuMs() {
  const used = { all: 0, main: 0 };
  try {
    for (const pid of renderers())
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const nanoseconds = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0];
        used.all += Number(nanoseconds) / 1e6;
        if (thread === pid) used.main += Number(nanoseconds) / 1e6;
      }
    return used;
  } catch {
    return { all: Number.NaN, main: Number.NaN };
  }
}

/** Processes of pages that descend from this one. */
function renderers() {
  const processes = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
        return [
          { pid, parent, isPage: readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--type=renderer") },
        ];
      } catch {
        return [];
      }
    });
  const descends = (/** @type {string | undefined} */ pid) => {
    for (let each = pid; each; each = processes.find((process) => process.pid === each)?.parent)
      if (each === String(process.pid)) return true;
    return false;
  };
  return processes.filter(({ pid, isPage }) => isPage && descends(pid)).map(({ pid }) => pid);
}

/**
 * @param {string} name
 * @param {import("./bench-exchange.page").ExchangeCase} asked
 * @param {import("./bench-exchange.page").ExchangeTimes} times
 */
function print(name, asked, times) {
  const { replicas, shared, payload, overlap } = asked;
  const { addedMs, averageMs, floorMs, cpuMs, mainCpuMs, longestTaskMs } = times;
  const cells = [
    ...[name, replicas, shared ? "shared" : "sent", payload, overlap ? "on" : "off"],
    (bytesMoved(asked) / 1e6).toFixed(0),
    ...[floorMs, averageMs, cpuMs, mainCpuMs, addedMs].map(summary),
    longestTaskMs === 0 ? "under 50" : longestTaskMs.toFixed(0),
  ];
  process.stdout.write(`| ${cells.join(" | ")} |\n`);
}
