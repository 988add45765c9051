import { LabError } from "@/contracts/failure";
import { forwardFlops } from "@/model/cost";
import { findWebglRenderer, findWebgpuAdapter, isSoftware } from "./adapter";
import type { Batch, Engine, Executor, ExecutorOptions } from "./executor";
import { availableEngines, getEngine, type RunnableEngine } from "./registry";

/** Largest work of a step that is timed: about a quarter of a second on two slow cores. */
const PROXY_FLOPS = 6e9;
const PROXY_IMAGES = 2;
const SMALLEST_PROXY = 32;
/** Steps timed after the warm-up. */
const TIMED_STEPS = 2;
/** A candidate whose first timed step takes this many times the best so far has lost. */
const HOPELESS = 3;
/** Far above what the order of float32 sums explains (1e-4 in the parity tests), far below a wrong result. */
const LOSS_RTOL = 1e-2;
/** No candidate starts after this, and none is waited for longer. */
const BUDGET_MS = 10_000;

export interface EngineChoice {
  readonly engine: Engine;
  /** Milliseconds of a step of the proxy (the run's network, few images, reduced size), by engine measured. */
  readonly timingsMs: Readonly<Record<string, number>>;
}

export interface ChooseOptions {
  readonly executorOptions: ExecutorOptions;
  /** Images of a step of the run. */
  readonly batchSize: number;
  /** Told what is being measured, in words for the screen. */
  readonly onNote?: (note: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * `auto`: times a few steps of what can run here and takes the fastest. Software graphics run on the same
 * cores as WebAssembly and are many times slower (docs say how much), so they are tried only without it; plain JavaScript
 * only where nothing else runs. Two calls may decide differently
 * where two engines are close: a run that is resumed names its engine.
 * Throws `engine/none` when nothing can run, and the signal's reason when aborted.
 */
export async function chooseEngine(options: ChooseOptions): Promise<EngineChoice> {
  const candidates = await inOrder();
  if (candidates.length === 0)
    throw new LabError(
      "engine/none",
      "This browser can run none of the lab's engines.",
      "Use a current Chrome, Edge, Firefox or Safari.",
    );
  const proxy = proxyOf(options);
  const timingsMs: Record<string, number> = {};
  const losses = new Map<RunnableEngine, number>();
  let bestMs = Number.POSITIVE_INFINITY;
  let failure: unknown = null;
  const end = performance.now() + BUDGET_MS;
  for (const name of candidates) {
    options.signal?.throwIfAborted();
    if (losses.size > 0 && performance.now() > end) break;
    options.onNote?.(`Measuring ${name}`);
    try {
      const measured = timeSteps(getEngine(name), proxy, bestMs * HOPELESS, options.signal);
      const timed = await (losses.size > 0 ? within(measured, end - performance.now()) : measured);
      if (timed === null) continue;
      timingsMs[name] = timed.stepMs;
      losses.set(name, timed.loss);
      bestMs = Math.min(bestMs, timed.stepMs);
    } catch (error) {
      options.signal?.throwIfAborted();
      // A candidate that fails here has lost; the error counts only if every other fails too.
      failure = error;
    }
  }
  const [best] = agreeing(losses).sort((a, b) => (timingsMs[a] as number) - (timingsMs[b] as number));
  if (best) return { engine: getEngine(best), timingsMs };
  if (await isPlainJavaScriptLeft(candidates)) return { engine: getEngine("tfjs-cpu"), timingsMs };
  throw failure;
}

/**
 * The candidates that computed what WebAssembly did, where that was measured: a graphics driver may compile a kernel
 * wrongly, and a fast wrong engine is worth nothing. WebAssembly computes the same on every machine, as tested.
 */
export function agreeing(losses: ReadonlyMap<RunnableEngine, number>): RunnableEngine[] {
  const trusted = losses.get("tfjs-wasm");
  return [...losses.keys()].filter((name) => {
    const loss = losses.get(name) as number;
    return trusted === undefined || Math.abs(loss - trusted) <= LOSS_RTOL * Math.abs(trusted);
  });
}

/** Hardware first, as what is fastest bounds the time given to the others. */
async function inOrder(): Promise<RunnableEngine[]> {
  const available = await availableEngines();
  const others = available.filter((name) => name !== "tfjs-cpu");
  if (others.length === 0) return available;
  const hasWasm = others.includes("tfjs-wasm");
  const webgpu = others.includes("webgpu") ? await findWebgpuAdapter() : null;
  const webgl = others.includes("tfjs-webgl") ? findWebglRenderer() : null;
  const order: RunnableEngine[] = [];
  if (webgpu && !isSoftware(webgpu)) order.push("webgpu", "tfjs-webgpu");
  if (hasWasm) order.push("tfjs-wasm");
  if (webgl && !isSoftware(webgl)) order.push("tfjs-webgl");
  if (webgpu && isSoftware(webgpu) && !hasWasm) order.push("webgpu", "tfjs-webgpu");
  if (webgl && isSoftware(webgl) && !hasWasm) order.push("tfjs-webgl");
  return order;
}

async function isPlainJavaScriptLeft(tried: readonly RunnableEngine[]): Promise<boolean> {
  return !tried.includes("tfjs-cpu") && (await availableEngines()).includes("tfjs-cpu");
}

interface Timed {
  readonly stepMs: number;
  readonly loss: number;
}

interface Proxy {
  readonly options: ExecutorOptions;
  readonly batch: Batch;
}

/** The run's network with at most two images, its size halved while a step is too much work. */
function proxyOf({ executorOptions, batchSize }: ChooseOptions): Proxy {
  const images = Math.min(batchSize, PROXY_IMAGES);
  let { height, width } = executorOptions;
  const halved = (side: number): number => Math.max(SMALLEST_PROXY, Math.floor(side / 32) * 16);
  // A training step is about three forward passes.
  while (3 * images * forwardFlops(executorOptions.graph, height, width) > PROXY_FLOPS) {
    const next = { height: Math.min(height, halved(height)), width: Math.min(width, halved(width)) };
    if (next.height === height && next.width === width) break;
    ({ height, width } = next);
  }
  const values = images * height * width;
  const ramp = Float32Array.from({ length: values }, (_, i) => (i % 251) / 251);
  return {
    options: { ...executorOptions, height, width },
    batch: { images, noisy: ramp, clean: ramp.map((value) => 1 - value) },
  };
}

/** The fastest of the timed steps, or the first if that is hopeless. The warm-up compiles, so it is not counted. */
async function timeSteps(
  engine: Engine,
  { options, batch }: Proxy,
  hopelessMs: number,
  signal: AbortSignal | undefined,
): Promise<Timed> {
  const executor = await engine.create(options);
  try {
    // The learning rate is 0: every step has the loss of the first weights.
    const loss = await executor.trainStep(batch, 0);
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TIMED_STEPS; i++) {
      signal?.throwIfAborted();
      fastest = Math.min(fastest, await step(executor, batch));
      if (fastest > hopelessMs) break;
    }
    return { stepMs: fastest, loss };
  } finally {
    await executor.dispose();
  }
}

async function step(executor: Executor, batch: Batch): Promise<number> {
  const start = performance.now();
  await executor.trainStep(batch, 0);
  return performance.now() - start;
}

/** The value, or null when it takes longer; what is late goes on and cleans up by itself. */
async function within(work: Promise<Timed>, ms: number): Promise<Timed | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    // A failure after the race is nobody's.
    work.catch(() => undefined);
  }
}
