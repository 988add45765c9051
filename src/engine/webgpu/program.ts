import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import type { Kernel } from "./kernels/kernel";
import type { Permanents } from "./permanents";
import { constantsEntry, pipelineOf } from "./pipelines";
import type { BindingTarget, PlannedDispatch } from "./plan";

/** What a dispatch took on the device. */
export interface DispatchTime {
  /** Stage and direction. */
  readonly label: string;
  readonly kernel: string;
  readonly ms: number;
  readonly flops: number;
  readonly bytes: number;
}

interface Step {
  readonly label: string;
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

interface Surrounding {
  readonly before?: (encoder: GPUCommandEncoder) => void;
  readonly after?: (encoder: GPUCommandEncoder) => void;
}

/** Arithmetic a submission holds at most, so that no driver takes a slow device for a hung one. */
const SOFTWARE_SUBMIT_FLOPS = 3e9;
const GPU_SUBMIT_FLOPS = 5e11;

/** Dispatches with their pipelines and bind groups, made once and run every step. */
export class Program {
  private readonly lab: LabDevice;
  /** What is submitted together. */
  private readonly submissions: readonly (readonly Step[])[];

  private constructor(lab: LabDevice, submissions: readonly (readonly Step[])[]) {
    this.lab = lab;
    this.submissions = submissions;
  }

  /** Compiles. `tensors` are buffers by tensor. Throws `engine/kernel` with the label of the kernel that failed. */
  static async create(
    lab: LabDevice,
    dispatches: readonly PlannedDispatch[],
    tensors: readonly GPUBuffer[],
    permanents: Permanents,
  ): Promise<Program> {
    const pipelines = await Promise.all(dispatches.map(({ kernel }) => pipelineOf(lab, kernel)));
    const resource = (target: BindingTarget): GPUBufferBinding =>
      target.kind === "tensor"
        ? {
            buffer: tensors[target.tensor] as GPUBuffer,
            ...(target.range && { offset: target.range.offset, size: target.range.bytes }),
          }
        : { buffer: permanents[target.name], offset: target.offset, size: target.bytes };
    const { device } = lab;
    const most = lab.target.software ? SOFTWARE_SUBMIT_FLOPS : GPU_SUBMIT_FLOPS;
    const submissions: Step[][] = [[]];
    let flops = 0;
    device.pushErrorScope("validation");
    for (const [index, { label, kernel, bindings }] of dispatches.entries()) {
      const pipeline = pipelines[index] as GPUComputePipeline;
      const group = device.createBindGroup({
        label,
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          ...bindings.map((target, binding) => ({ binding, resource: resource(target) })),
          ...constantsEntry(lab, kernel),
        ],
      });
      if (flops > 0 && flops + kernel.flops > most) {
        submissions.push([]);
        flops = 0;
      }
      flops += kernel.flops;
      submissions.at(-1)?.push({ label, kernel, pipeline, group });
    }
    const invalid = await device.popErrorScope();
    if (invalid)
      throw new LabError(
        "engine/kernel",
        `The bindings of this network are not valid on this device: ${invalid.message}`,
        "Choose another engine and report this message.",
      );
    return new Program(lab, submissions);
  }

  /** Queues all dispatches; the first submission also holds what `before` encodes, the last what `after` does. */
  submit({ before, after }: Surrounding = {}): void {
    const { device } = this.lab;
    for (const [index, steps] of this.submissions.entries()) {
      const encoder = device.createCommandEncoder({ label: "engine" });
      if (index === 0) before?.(encoder);
      const pass = encoder.beginComputePass({ label: "engine" });
      for (const step of steps) encode(pass, step);
      pass.end();
      if (index === this.submissions.length - 1) after?.(encoder);
      device.queue.submit([encoder.finish()]);
    }
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
    for (const steps of this.submissions) {
      const count = 2 * steps.length;
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
      const encoder = device.createCommandEncoder({ label: "measure" });
      for (const [index, step] of steps.entries()) {
        const pass = encoder.beginComputePass({
          label: step.label,
          timestampWrites: {
            querySet: queries,
            beginningOfPassWriteIndex: 2 * index,
            endOfPassWriteIndex: 2 * index + 1,
          },
        });
        encode(pass, step);
        pass.end();
      }
      encoder.resolveQuerySet(queries, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 8 * count);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const stamps = new BigInt64Array(staging.getMappedRange());
      for (const [index, { label, kernel }] of steps.entries())
        times.push({
          label,
          kernel: kernel.label,
          ms: Number((stamps[2 * index + 1] as bigint) - (stamps[2 * index] as bigint)) / 1e6,
          flops: kernel.flops,
          bytes: kernel.bytes,
        });
      queries.destroy();
      resolved.destroy();
      staging.destroy();
    }
    return times;
  }
}

function encode(pass: GPUComputePassEncoder, { pipeline, group, kernel }: Step): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...kernel.workgroups);
}
