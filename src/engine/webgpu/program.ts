import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import { pipelineOf } from "./pipelines";
import type { BindingTarget, PermanentName, PlannedDispatch } from "./plan";

export type Permanents = Readonly<Record<PermanentName, GPUBuffer>>;

interface Step {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
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
        ? { buffer: tensors[target.tensor] as GPUBuffer }
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
        entries: bindings.map((target, binding) => ({ binding, resource: resource(target) })),
      });
      if (flops > 0 && flops + kernel.flops > most) {
        submissions.push([]);
        flops = 0;
      }
      flops += kernel.flops;
      submissions.at(-1)?.push({ label, pipeline, group, workgroups: kernel.workgroups });
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

  /** Queues all dispatches; the last submission also holds what `after` encodes. */
  submit(after?: (encoder: GPUCommandEncoder) => void): void {
    const { device } = this.lab;
    for (const [index, steps] of this.submissions.entries()) {
      const encoder = device.createCommandEncoder({ label: "engine" });
      const pass = encoder.beginComputePass({ label: "engine" });
      for (const { pipeline, group, workgroups } of steps) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...workgroups);
      }
      pass.end();
      if (index === this.submissions.length - 1) after?.(encoder);
      device.queue.submit([encoder.finish()]);
    }
  }
}
