import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import type { Kernel } from "./kernels/kernel";
import { sliceable, slicesOf } from "./kernels/slice";
import type { Permanents } from "./permanents";
import { constantsEntries, pipelineOf } from "./pipelines";
import type { BindingTarget, PlannedDispatch } from "./plan";

/** What a dispatch took on the device. */
export interface DispatchTime {
  /** Stage and direction. */
  readonly label: string;
  readonly kernel: string;
  readonly variant: string | null;
  readonly workgroups: readonly [number, number, number];
  readonly ms: number;
  readonly flops: number;
  readonly bytes: number;
}

/** A planned dispatch with its compiled kernel. */
interface Compiled {
  readonly planned: PlannedDispatch;
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
}

/** One dispatch on the device: a planned one, or a slice of it. */
interface Step {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

interface Surrounding {
  readonly before?: (encoder: GPUCommandEncoder) => void;
  readonly after?: (encoder: GPUCommandEncoder) => void;
}

/** A dispatch and a submission as long as they may be: a shared GPU draws the page between them, and no watchdog fires. */
export const DISPATCH_MS = 50;
const SUBMIT_MS = 300;
/** Kernels reach different shares of a device's speed: one is given this many times its share of time. */
const SLOWER = 2;
/** A byte moved takes as long as this much arithmetic, on GPUs and processors alike. */
const FLOPS_A_BYTE = 8;
/** The device turned out this much faster than assumed: fewer slices are worth making anew. */
const MUCH_FASTER = 4;

/** Dispatches with their pipelines and bind groups, made once and run every step. */
export class Program {
  private readonly lab: LabDevice;
  private readonly compiled: readonly Compiled[];
  private readonly resource: (target: BindingTarget) => GPUBufferBinding;
  private readonly flops: number;
  /** Dispatches before which the program can be stopped, in order. */
  private readonly stops: readonly number[];
  /** From stop to stop, of each planned dispatch its slices, in submissions. */
  private segments: readonly (readonly (readonly Step[])[])[] = [];
  /** The last slice of each dispatch. */
  private lastSteps: readonly (Step | undefined)[] = [];
  /** The speed that the slices were cut for. */
  private gflops = 0;

  private constructor(
    lab: LabDevice,
    compiled: readonly Compiled[],
    stops: readonly number[],
    resource: (target: BindingTarget) => GPUBufferBinding,
  ) {
    this.lab = lab;
    this.stops = stops;
    this.compiled = compiled;
    this.resource = resource;
    this.flops = compiled.reduce((sum, { kernel }) => sum + kernel.flops, 0);
  }

  /** Compiles. `tensors` are buffers by tensor; `stops` cut the program into segments. Throws `engine/kernel` with the label of the kernel that failed. */
  static async create(
    lab: LabDevice,
    dispatches: readonly PlannedDispatch[],
    tensors: readonly GPUBuffer[],
    permanents: Permanents,
    stops: readonly number[] = [],
  ): Promise<Program> {
    for (const { kernel } of dispatches)
      if (estimatedMs(kernel, lab.gflops) > DISPATCH_MS) lab.slicedTexts.add(kernel.wgsl);
    const kernels = dispatches.map(({ kernel }) =>
      lab.slicedTexts.has(kernel.wgsl) ? (sliceable(kernel) ?? kernel) : kernel,
    );
    const pipelines = await Promise.all(kernels.map((kernel) => pipelineOf(lab, kernel)));
    const compiled = dispatches.map((planned, index) => ({
      planned,
      kernel: kernels[index] as Kernel,
      pipeline: pipelines[index] as GPUComputePipeline,
    }));
    const program = new Program(lab, compiled, stops, (target) =>
      target.kind === "tensor"
        ? {
            buffer: tensors[target.tensor] as GPUBuffer,
            ...(target.range && { offset: target.range.offset, size: target.range.bytes }),
          }
        : { buffer: permanents[target.name], offset: target.offset, size: target.bytes },
    );
    await program.arrange();
    return program;
  }

  /** Queues all dispatches; the first submission also holds what `before` encodes, the last what `after` does. */
  submit(surrounding: Surrounding = {}): void {
    this.submitAll(this.segments.flat(), surrounding);
  }

  /** Queues the dispatches from one stop to the next, then what `after` encodes. Segment 0 begins the program. */
  submitSegment(segment: number, after?: Surrounding["after"]): void {
    this.submitAll(this.segments[segment] ?? [], after && { after });
  }

  private submitAll(submissions: readonly (readonly Step[])[], { before, after }: Surrounding = {}): void {
    const { device } = this.lab;
    for (const [index, steps] of submissions.entries()) {
      const encoder = device.createCommandEncoder({ label: "engine" });
      if (index === 0) before?.(encoder);
      const pass = encoder.beginComputePass({ label: "engine" });
      for (const step of steps) encode(pass, step);
      pass.end();
      if (index === submissions.length - 1) after?.(encoder);
      device.queue.submit([encoder.finish()]);
    }
  }

  /**
   * Queues all dispatches and, as soon as no later one is bound to a range of the gradients, what `whenReady` encodes for it: the
   * device goes on while that is read.
   */
  submitStreaming(
    ranges: readonly { readonly offset: number; readonly bytes: number }[],
    whenReady: (encoder: GPUCommandEncoder, range: number) => void,
  ): void {
    const { device } = this.lab;
    const ready = new Map<Step | undefined, number[]>();
    for (const [index, range] of ranges.entries()) {
      // A range of padding alone is bound by none: it is ready with the first.
      const step = this.lastSteps[Math.max(0, this.lastBound(range))];
      ready.set(step, [...(ready.get(step) ?? []), index]);
    }
    for (const steps of this.segments.flat()) {
      let encoder = device.createCommandEncoder({ label: "engine" });
      let pass = encoder.beginComputePass({ label: "engine" });
      for (const step of steps) {
        encode(pass, step);
        const done = ready.get(step);
        if (!done) continue;
        pass.end();
        for (const range of done) whenReady(encoder, range);
        device.queue.submit([encoder.finish()]);
        encoder = device.createCommandEncoder({ label: "engine" });
        pass = encoder.beginComputePass({ label: "engine" });
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
    }
  }

  /** The last dispatch that is bound to any of this range of the gradients; −1: none. */
  private lastBound({ offset, bytes }: { readonly offset: number; readonly bytes: number }): number {
    return this.compiled.findLastIndex(({ planned }) =>
      planned.bindings.some(
        (target) =>
          target.kind === "permanent" &&
          target.name === "gradients" &&
          target.offset < offset + bytes &&
          target.offset + target.bytes > offset,
      ),
    );
  }

  /** Told the wall time of a run, cuts slices anew where the device is much faster than assumed. Changes no number. */
  async ran(ms: number): Promise<void> {
    const { lab } = this;
    lab.gflops = Math.max(lab.gflops, this.flops / ms / 1e6);
    const isSliced =
      this.segments.some((submissions) => submissions.length > 1) ||
      this.compiled.some(({ kernel }) => kernel.sliced);
    if (isSliced && lab.gflops > MUCH_FASTER * this.gflops) await this.arrange();
  }

  /**
   * Runs all dispatches once, each in a pass of its own between two timestamps. Throws `engine/no-timestamps` where the device
   * has none.
   */
  async measure(): Promise<DispatchTime[]> {
    const { device } = this.lab;
    if (!device.features.has("timestamp-query"))
      throw new LabError(
        "engine/no-timestamps",
        "This device has no timestamps.",
        "Start the browser with WebGPU developer features, or use another one.",
      );
    const times: DispatchTime[] = [];
    let next = 0;
    while (next < this.compiled.length) {
      const batch = this.compiled.slice(next, next + MEASURED_TOGETHER);
      next += batch.length;
      times.push(...(await this.measureBatch(batch)));
    }
    return times;
  }

  private async measureBatch(batch: readonly Compiled[]): Promise<DispatchTime[]> {
    const { device } = this.lab;
    const count = 2 * batch.length;
    const queries = device.createQuerySet({ type: "timestamp", count });
    const resolved = device.createBuffer({
      label: "timestamps",
      size: 8 * count,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const staging = device.createBuffer({
      label: "timestamps readback",
      size: 8 * count,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    try {
      for (const [index, compiled] of batch.entries()) {
        const encoder = device.createCommandEncoder({ label: "measure" });
        const pass = encoder.beginComputePass({
          label: compiled.planned.label,
          timestampWrites: {
            querySet: queries,
            beginningOfPassWriteIndex: 2 * index,
            endOfPassWriteIndex: 2 * index + 1,
          },
        });
        for (const step of this.stepsOf(compiled)) encode(pass, step);
        pass.end();
        device.queue.submit([encoder.finish()]);
      }
      const encoder = device.createCommandEncoder({ label: "measure" });
      encoder.resolveQuerySet(queries, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 8 * count);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const stamps = new BigInt64Array(staging.getMappedRange());
      return batch.map(({ planned: { label }, kernel }, index) => ({
        label,
        kernel: kernel.label,
        variant: kernel.variant ?? null,
        workgroups: kernel.workgroups,
        ms: Number((stamps[2 * index + 1] as bigint) - (stamps[2 * index] as bigint)) / 1e6,
        flops: kernel.flops,
        bytes: kernel.bytes,
      }));
    } finally {
      queries.destroy();
      resolved.destroy();
      staging.destroy();
    }
  }

  /** Cuts dispatches into slices and these into submissions, by how long they should take. */
  private async arrange(): Promise<void> {
    const { device } = this.lab;
    this.gflops = this.lab.gflops;
    device.pushErrorScope("validation");
    let submissions: Step[][] = [[]];
    const segments = [submissions];
    const lastSteps: (Step | undefined)[] = [];
    let ms = 0;
    for (const [index, compiled] of this.compiled.entries()) {
      if (this.stops.includes(index)) {
        submissions = [[]];
        segments.push(submissions);
        ms = 0;
      }
      const steps = this.stepsOf(compiled);
      lastSteps.push(steps.at(-1));
      const stepMs = estimatedMs(compiled.kernel, this.gflops) / steps.length;
      for (const step of steps) {
        if (ms > 0 && ms + stepMs > SUBMIT_MS) {
          submissions.push([]);
          ms = 0;
        }
        ms += stepMs;
        submissions.at(-1)?.push(step);
      }
    }
    const invalid = await device.popErrorScope();
    if (invalid)
      throw new LabError(
        "engine/kernel",
        `The bindings of this network are not valid on this device: ${invalid.message}`,
        "Choose another engine and report this message.",
      );
    this.segments = segments;
    this.lastSteps = lastSteps;
  }

  private stepsOf({ planned: { label, bindings }, kernel, pipeline }: Compiled): Step[] {
    const count = kernel.sliced ? Math.ceil(estimatedMs(kernel, this.gflops) / DISPATCH_MS) : 1;
    return slicesOf(kernel, count).map(({ workgroups, first }) => ({
      label,
      pipeline,
      workgroups,
      group: this.lab.device.createBindGroup({
        label,
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          ...bindings.map((target, binding) => ({ binding, resource: this.resource(target) })),
          ...constantsEntries(this.lab, kernel, kernel.sliced && first),
        ],
      }),
    }));
  }
}

/** Dispatches whose timestamps share a query set, which holds 4,096. */
const MEASURED_TOGETHER = 1024;

/** How long a kernel takes at most on a device of this speed, if it is not unusually slow. */
export function estimatedMs({ flops, bytes }: Kernel, gflops: number): number {
  return (SLOWER * Math.max(flops, FLOPS_A_BYTE * bytes)) / gflops / 1e6;
}

function encode(pass: GPUComputePassEncoder, { pipeline, group, workgroups }: Step): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...workgroups);
}
