/**
 * Speed of the WGSL engine's 3×3 convolutions, kernel by kernel, for the layers of the U-Net of width 16 at 128², batch 4:
 * `npx tsx scripts/bench-engine/kernels.ts [--rounds 7] [--only 32]` in Node (Dawn; LAB_NODE_GPU_ENV names a driver).
 *
 * Candidates of one layer alternate within each round, because the machine may do other work. Two figures each: GFLOP/s by
 * the clock on the wall (median, fastest and interquartile range), and by the processor time of all threads but the main one spread over
 * all cores, which other load hardly moves; the second only means something on software adapters.
 */
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { acquireDevice, type LabDevice } from "../../src/engine/webgpu/device";
import { laneDgrad, pixelDgrad } from "../../src/engine/webgpu/kernels/convDgrad";
import { laneForward, pixelForward } from "../../src/engine/webgpu/kernels/convForward";
import { convWgrad, laneWgradKernel } from "../../src/engine/webgpu/kernels/convWgrad";
import type { Extent, Kernel, SourceSpec, Target } from "../../src/engine/webgpu/kernels/kernel";
import { lanesOf } from "../../src/engine/webgpu/kernels/laneConv";
import type { PixelTile } from "../../src/engine/webgpu/kernels/wgsl";
import { setUpNodeGpu } from "../../src/engine/webgpu/nodeGpu";
import { constantsEntries, pipelineOf } from "../../src/engine/webgpu/pipelines";

const { values: args } = parseArgs({
  options: { rounds: { type: "string", default: "7" }, only: { type: "string" } },
});
const ROUNDS = Number(args.rounds);
/** Bytes of every storage binding: enough for each layer below. */
const BINDING_BYTES = 1 << 24;
const LANE_TILES = [
  { pixels: 4, outputs: 16 },
  { pixels: 4, outputs: 8 },
  { pixels: 8, outputs: 8 },
  { pixels: 8, outputs: 16 },
  { pixels: 16, outputs: 16 },
] as const;

/** Tiles of the kernels without subgroups; one on software adapters, which take minutes to compile the larger ones. */
function pixelTiles(channels: number, { software }: Target): PixelTile[] {
  const tiles: readonly PixelTile[] = software
    ? [{ pixels: 4, vectors: 2, threads: 8 }]
    : [
        { pixels: 4, vectors: 2, threads: 64 },
        { pixels: 4, vectors: 2, threads: 128 },
        { pixels: 4, vectors: 4, threads: 64 },
        { pixels: 8, vectors: 2, threads: 64 },
        { pixels: 8, vectors: 4, threads: 64 },
      ];
  return tiles.filter(({ vectors }) => channels % (4 * vectors) === 0);
}

function pixelName({ pixels, vectors, threads }: PixelTile): string {
  return `${pixels} px × ${4 * vectors}, ${threads}`;
}

interface Layer {
  readonly size: number;
  readonly sources: readonly number[];
  readonly outChannels: number;
}

const LAYERS: readonly Layer[] = [
  { size: 128, sources: [16], outChannels: 16 },
  { size: 128, sources: [16, 16], outChannels: 16 },
  { size: 64, sources: [32], outChannels: 32 },
  { size: 64, sources: [32, 32], outChannels: 32 },
  { size: 32, sources: [64], outChannels: 64 },
  { size: 16, sources: [128], outChannels: 128 },
  { size: 8, sources: [256], outChannels: 256 },
];

interface Candidate {
  readonly name: string;
  readonly kernel: Kernel;
}

interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
}

interface Contestant extends Candidate {
  readonly compileMs: number;
  readonly run: () => Promise<Sample>;
  readonly samples: Sample[];
}

function candidatesOf(layer: Layer, target: Target): Readonly<Record<string, readonly Candidate[]>> {
  const { size, outChannels } = layer;
  const extent: Extent = { images: 4, height: size, width: size, storage: "f32" };
  const plain: Target = { ...target, subgroupSize: null };
  const lanes = lanesOf(target);
  const sources: SourceSpec[] = layer.sources.map((channels) => ({ channels, normOffset: 0, relu: true }));
  const forward = { ...extent, sources, outChannels, relu: true };
  const [source] = sources as [SourceSpec];
  const inChannels = layer.sources.reduce((sum, channels) => sum + channels, 0);
  const dgrad = {
    ...extent,
    ...{ inChannels, firstChannel: 0, channels: source.channels, outChannels, mask: true, accumulate: false },
  };
  const wgrad = { ...extent, source, outChannels, bias: true };
  const tiles = lanes === null ? [] : LANE_TILES.filter(({ outputs }) => outChannels % outputs === 0);
  const single = layer.sources.length === 1;
  return {
    forward: [
      ...pixelTiles(outChannels, target).map((tile) => ({
        name: pixelName(tile),
        kernel: pixelForward(forward, target, tile),
      })),
      ...tiles.map((tile) => ({
        name: `lanes ${tile.pixels} px × ${tile.outputs}`,
        kernel: laneForward(forward, target, lanes ?? 0, tile),
      })),
    ],
    ...(single && {
      dgrad: [
        ...pixelTiles(source.channels, target).map((tile) => ({
          name: pixelName(tile),
          kernel: pixelDgrad(dgrad, target, tile),
        })),
        ...tiles.map((tile) => ({
          name: `lanes ${tile.pixels} px × ${tile.outputs}`,
          kernel: laneDgrad(dgrad, target, lanes ?? 0, tile),
        })),
      ],
      wgrad: [
        { name: "pairs", kernel: convWgrad(wgrad, plain) },
        ...(lanes === null
          ? []
          : [1, 2, 4]
              .filter((vectors) => outChannels % (lanes * vectors) === 0)
              .map((vectors) => ({
                name: `lanes × ${vectors}`,
                kernel: laneWgradKernel(wgrad, target, { lanes, vectors }),
              }))),
      ],
    }),
  };
}

/** Processor time of all threads but the main one in milliseconds; 0 where /proc does not tell. */
function driverMs(): number {
  let ns = 0;
  try {
    for (const thread of readdirSync("/proc/self/task")) {
      if (Number(thread) === process.pid) continue;
      ns += Number(readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
  } catch {
    return 0;
  }
  return ns / 1e6;
}

async function enter(
  lab: LabDevice,
  buffers: readonly GPUBuffer[],
  candidate: Candidate,
): Promise<Contestant> {
  const { device } = lab;
  const { kernel } = candidate;
  const start = performance.now();
  const pipeline = await pipelineOf(lab, kernel);
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [
      ...kernel.bindings.map((_, binding) => ({
        binding,
        resource: { buffer: buffers[binding] as GPUBuffer },
      })),
      ...constantsEntries(lab, kernel),
    ],
  });
  const run = async (): Promise<Sample> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...kernel.workgroups);
    pass.end();
    const cpu = driverMs();
    const wall = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return { wallMs: performance.now() - wall, cpuMs: driverMs() - cpu };
  };
  const { wallMs } = await run();
  return { ...candidate, compileMs: performance.now() - start - wallMs, run, samples: [] };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(part * (sorted.length - 1))] as number;
}

function report({ name, kernel, samples }: Contestant): string {
  const rate = (ms: number): string => (ms > 0 ? (kernel.flops / ms / 1e6).toFixed(1) : "–").padStart(6);
  const wall = samples.map(({ wallMs }) => wallMs);
  const cpu = samples.map(({ cpuMs }) => cpuMs / availableParallelism());
  const [low, middle, high, cpuMiddle] = [
    quantile(wall, 0.25),
    quantile(wall, 0.5),
    quantile(wall, 0.75),
    quantile(cpu, 0.5),
  ];
  return `  ${name.padEnd(18)} ${middle.toFixed(2).padStart(8)} ms [${low.toFixed(2)}, ${high.toFixed(2)}]  wall ${rate(middle)} best ${rate(Math.min(...wall))}  processor ${rate(cpuMiddle)} GFLOP/s`;
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);

const missing = await setUpNodeGpu();
if (missing) throw new Error(missing);
const lab = await acquireDevice();
print(`Adapter: ${JSON.stringify(lab.adapter)}; subgroups of ${lab.target.subgroupSize ?? "no fixed size"}`);
print(
  `${availableParallelism()} cores, load average ${loadavg()
    .map((load) => load.toFixed(2))
    .join(" ")}`,
);
const buffers = Array.from({ length: 8 }, (_, index) => {
  const buffer = lab.device.createBuffer({
    size: BINDING_BYTES,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  const data = Float32Array.from({ length: 1 << 16 }, (_value, i) => Math.sin(i * (index + 1)) / 4);
  for (let at = 0; at < BINDING_BYTES; at += data.byteLength) lab.device.queue.writeBuffer(buffer, at, data);
  return buffer;
});
for (const layer of LAYERS) {
  if (args.only && !layer.sources.includes(Number(args.only))) continue;
  for (const [direction, candidates] of Object.entries(candidatesOf(layer, lab.target))) {
    const contestants: Contestant[] = [];
    for (const candidate of candidates) contestants.push(await enter(lab, buffers, candidate));
    for (let round = 0; round < ROUNDS; round++)
      for (const contestant of contestants) contestant.samples.push(await contestant.run());
    print(
      `${direction} ${layer.sources.join("+")}→${layer.outChannels} ${layer.size}², n = ${ROUNDS}, load ${(loadavg()[0] as number).toFixed(2)}`,
    );
    for (const contestant of contestants) print(report(contestant));
  }
}
process.exit(0);
