import type { LabDevice } from "./device";
import type { Kernel, Prelude } from "./kernels/kernel";
import { constantsEntries, pipelineOf } from "./pipelines";

/** What a kernel left in its `readWrite` bindings, and how long it took. Used by tests, benchmarks and the probe of matrix units. */
export interface KernelResult {
  readonly outputs: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
  /** Fastest of the runs in milliseconds, with the submission. */
  readonly ms: number;
}

/**
 * Runs one kernel on its own buffers, filled from `inputs` by the names of its bindings (also those that it writes). With
 * `runs` over 1 it is run again only for time. Frees what it made.
 */
export async function runKernel(
  lab: LabDevice,
  kernel: Kernel,
  inputs: Readonly<Record<string, ArrayBufferView>>,
  runs = 1,
): Promise<KernelResult> {
  const { device } = lab;
  const pipeline = await pipelineOf(lab, kernel);
  const packed = kernel.prelude && (await packedInputs(lab, kernel.prelude, inputs));
  device.pushErrorScope("validation");
  const buffers = kernel.bindings.map(({ name, access }) => {
    const data = packed?.[name] ?? inputs[name];
    if (!data) throw new Error(`${kernel.label}: no input for ${name}`);
    const kind = access === "uniform" ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE;
    const buffer = device.createBuffer({
      label: `${kernel.label}/${name}`,
      size: Math.max(16, data.byteLength),
      usage: kind | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(buffer, 0, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    return buffer;
  });
  const group = device.createBindGroup({
    label: kernel.label,
    layout: pipeline.getBindGroupLayout(0),
    entries: [
      ...buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
      ...constantsEntries(lab, kernel),
    ],
  });
  const outputs: Record<string, Float32Array<ArrayBuffer>> = {};
  let ms = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...kernel.workgroups);
    pass.end();
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    ms = Math.min(ms, performance.now() - start);
    if (run > 0) continue;
    for (const [index, { name, access }] of kernel.bindings.entries())
      if (access === "readWrite") outputs[name] = await read(device, buffers[index] as GPUBuffer);
  }
  for (const buffer of buffers) buffer.destroy();
  const error = await device.popErrorScope();
  if (error) throw new Error(`${kernel.label}: ${error.message}`);
  return { outputs, ms };
}

/** What a prelude makes of the inputs' weights. */
async function packedInputs(
  lab: LabDevice,
  { kernel, bytes }: Prelude,
  inputs: Readonly<Record<string, ArrayBufferView>>,
): Promise<KernelResult["outputs"]> {
  return (await runKernel(lab, kernel, { ...inputs, packed: new Uint8Array(bytes) })).outputs;
}

async function read(device: GPUDevice, buffer: GPUBuffer): Promise<Float32Array<ArrayBuffer>> {
  const staging = device.createBuffer({
    size: buffer.size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const data = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return data;
}
