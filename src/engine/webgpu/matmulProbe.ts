import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import { deviceLost } from "./deviceLoss";
import type { Kernel, Target } from "./kernels/kernel";
import { lanesOf } from "./kernels/laneConv";
import { laneMatmul, MATMUL_MULTIPLE, registerMatmul, workgroupMatmul } from "./kernels/matmul";
import { pipelineOf } from "./pipelines";

/** A matrix product of this size, some way. */
export type MatmulCandidate = (size: number) => Kernel;

export interface MatmulSpeed {
  /** 10⁹ float32 operations a second, multiply and add counted as two, of the fastest run. */
  readonly gflops: number;
  /** Which kernel that was, and the side of its matrices. */
  readonly kernel: string;
}

/** Largest side: three matrices of 64 MiB, below the smallest limit of a binding. */
const MAX_SIZE = 4096;
/** A run takes about this long: long against a submission, short against what drivers take for a hang. */
const RUN_MS = 60;
const RUNS = 5;
/** A candidate this much slower in its first run does not get another. */
const HOPELESS = 1.5;

/** Ways worth trying on a device, the likeliest winner first. */
export function matmulCandidates(target: Target): readonly MatmulCandidate[] {
  const lanes = lanesOf(target);
  if (lanes !== null) {
    // As with convolutions (`laneTile`): llvmpipe keeps 64 accumulators in registers, SwiftShader none.
    const tiles =
      lanes === 8
        ? [
            { rows: 4, vectors: 4 },
            { rows: 8, vectors: 2 },
          ]
        : [
            { rows: 8, vectors: 4 },
            { rows: 16, vectors: 4 },
          ];
    return [
      ...tiles.map((tile) => (size: number) => laneMatmul(size, tile, lanes)),
      (size) => registerMatmul(size, { rows: 8, vectors: 1 }, [lanes, 1]),
    ];
  }
  if (target.software)
    return [
      (size) => registerMatmul(size, { rows: 8, vectors: 1 }, [8, 1]),
      (size) => registerMatmul(size, { rows: 4, vectors: 1 }, [8, 1]),
    ];
  return [
    (size) => workgroupMatmul(size, { rows: 8, vectors: 2 }, [16, 16], 16),
    (size) => workgroupMatmul(size, { rows: 8, vectors: 2 }, [8, 8], 16),
    (size) => registerMatmul(size, { rows: 8, vectors: 2 }, [8, 8]),
    (size) => registerMatmul(size, { rows: 4, vectors: 2 }, [8, 8]),
    (size) => workgroupMatmul(size, { rows: 4, vectors: 1 }, [16, 16], 16),
  ];
}

/**
 * The best float32 matrix product that this device does: what a network's GFLOP/s are held against. Tries
 * `matmulCandidates` in turn until `budgetMs` is spent, compilation included, and at least one. Throws `engine/device-lost`,
 * `engine/kernel` and `engine/out-of-memory`.
 */
export async function bestMatmulGflops(lab: LabDevice, budgetMs = 3000): Promise<MatmulSpeed> {
  const deadline = performance.now() + budgetMs;
  const candidates = matmulCandidates(lab.target);
  let best: MatmulSpeed = { gflops: 0, kernel: "" };
  const [first] = candidates;
  if (!first) return best;
  const size = await fittingSize(lab, first);
  const product = await Product.create(lab, size);
  try {
    for (const candidate of candidates) {
      if (best.gflops > 0 && performance.now() > deadline) break;
      const kernel = candidate(size);
      await product.run(kernel, 1);
      const repeats = Math.max(1, Math.round(RUN_MS / (await product.run(kernel, 1))));
      for (let run = 0; run < RUNS; run++) {
        const gflops = (repeats * kernel.flops) / (await product.run(kernel, repeats)) / 1e6;
        const hopeless = gflops * HOPELESS < best.gflops;
        if (gflops > best.gflops) best = { gflops, kernel: kernel.label };
        if (hopeless || performance.now() > deadline) break;
      }
    }
  } finally {
    product.dispose();
  }
  return best;
}

/** The largest side, from `MATMUL_MULTIPLE` on, whose product takes no longer than `RUN_MS`. */
async function fittingSize(lab: LabDevice, candidate: MatmulCandidate): Promise<number> {
  for (let size = MATMUL_MULTIPLE; ; size *= 2) {
    const product = await Product.create(lab, size);
    try {
      const kernel = candidate(size);
      await product.run(kernel, 1);
      // Twice the side is eight times the work.
      if (2 * size > MAX_SIZE || 8 * (await product.run(kernel, 1)) > RUN_MS) return size;
    } finally {
      product.dispose();
    }
  }
}

/** The matrices of one size. */
class Product {
  private readonly lab: LabDevice;
  private readonly buffers: readonly GPUBuffer[];

  private constructor(lab: LabDevice, buffers: readonly GPUBuffer[]) {
    this.lab = lab;
    this.buffers = buffers;
  }

  static async create(lab: LabDevice, size: number): Promise<Product> {
    if (lab.lost !== null) throw deviceLost(lab.lost);
    const { device } = lab;
    const bytes = 4 * size * size;
    device.pushErrorScope("out-of-memory");
    const make = (name: string, length: number, usage: GPUBufferUsageFlags): GPUBuffer =>
      device.createBuffer({
        label: `matmul/${name}`,
        size: length,
        usage: usage | GPUBufferUsage.COPY_DST,
      });
    const sizes = make("sizes", 16, GPUBufferUsage.UNIFORM);
    const [a, b, c] = ["a", "b", "c"].map((name) => make(name, bytes, GPUBufferUsage.STORAGE));
    const failure = await device.popErrorScope();
    if (failure)
      throw new LabError(
        "engine/out-of-memory",
        `Matrices of ${size}×${size} do not fit into the device's memory (${failure.message}).`,
        "Close other pages that use the graphics card.",
      );
    device.queue.writeBuffer(sizes, 0, Int32Array.of(size, 0, 0, 0));
    // Numbers with all their bits: cards slow down over them, as they do over a network's.
    const row = Float32Array.from({ length: MATMUL_MULTIPLE ** 2 }, (_, i) => Math.sin(i));
    for (const operand of [a, b])
      for (let at = 0; operand && at < bytes; at += row.byteLength)
        device.queue.writeBuffer(operand, at, row);
    return new Product(
      lab,
      [sizes, a, b, c].filter((buffer) => buffer !== undefined),
    );
  }

  /** Milliseconds of `repeats` products in one submission. */
  async run(kernel: Kernel, repeats: number): Promise<number> {
    const { device } = this.lab;
    const pipeline = await pipelineOf(this.lab, kernel);
    const group = device.createBindGroup({
      label: kernel.label,
      layout: pipeline.getBindGroupLayout(0),
      entries: this.buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    const encoder = device.createCommandEncoder({ label: kernel.label });
    const pass = encoder.beginComputePass({ label: kernel.label });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(...kernel.workgroups);
    pass.end();
    const commands = encoder.finish();
    const start = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    const ms = performance.now() - start;
    if (this.lab.lost !== null) throw deviceLost(this.lab.lost);
    return ms;
  }

  dispose(): void {
    for (const buffer of this.buffers) buffer.destroy();
  }
}
