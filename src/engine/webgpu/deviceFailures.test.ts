import { describe, expect, it } from "vitest";
import { acquireDevice, type LabDevice } from "./device";
import type { Kernel } from "./kernels/kernel";
import { DeviceMemory } from "./memory";
import { setUpNodeGpu } from "./nodeGpu";
import { pipelineOf } from "./pipelines";

const missing = await setUpNodeGpu();
if (missing) console.warn(`webgpu failures in Node: skipped. ${missing}`);

const kernel = (label: string, body: string): Kernel => ({
  label,
  wgsl: `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(1) fn main() { ${body} }`,
  bindings: [{ name: "out", access: "readWrite", element: "u32" }],
  workgroups: [1, 1, 1],
  flops: 0,
  bytes: 0,
});

const buffer = (label: string) => [
  { label, bytes: 64, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST },
];

describe.skipIf(missing !== null)("what a device refuses", () => {
  it("names the kernel that does not compile", async () => {
    const broken = kernel("conv0_0.conv1/forward", "out[0] = nothing;");
    const compiling = pipelineOf(await acquireDevice(), broken);
    await expect(compiling).rejects.toThrow(/engine\/kernel: The kernel conv0_0\.conv1\/forward .*nothing/s);
  });

  it("names the buffer of an error that no call was told of, and makes way for another device", async () => {
    const lab = await acquireDevice();
    const [slot] = await new DeviceMemory(lab).allocate(buffer("slot 4"));
    if (!slot) throw new Error("no buffer");
    lab.device.queue.writeBuffer(slot, 0, new Float32Array(100));
    await lab.device.queue.onSubmittedWorkDone();
    expect(lab.problem).toContain('"slot 4"');
    const next = await acquireDevice();
    expect(next).not.toBe(lab);
    expect(next.problem).toBeNull();
  });

  it("is told as the loss of the device when that is what it is", async () => {
    const lab = crashed(await acquireDevice());
    const compiling = pipelineOf(lab, kernel("adam", "out[0] = 1.0;"));
    await expect(compiling).rejects.toThrow(/engine\/device-lost: .*GPU process/);
    await expect(new DeviceMemory(lab).allocate(buffer("slot 0"))).rejects.toThrow(
      /engine\/device-lost: .*GPU process/,
    );
  });
});

/**
 * A device as Chromium leaves it when its GPU process crashes: pipelines and error scopes are refused, and only then does
 * the device say that it is lost. (A destroyed device grants both.)
 */
function crashed(lab: LabDevice): LabDevice {
  const { device } = lab;
  const refuse = () => Promise.reject(new Error("A valid external Instance reference no longer exists."));
  const lost = new Promise((resolve) =>
    setTimeout(() => resolve({ reason: "unknown", message: "The GPU process is gone." }), 20),
  );
  const dead = new Proxy(device, {
    get(target, name) {
      if (name === "lost") return lost;
      if (name === "createComputePipelineAsync" || name === "popErrorScope") return refuse;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...lab, device: dead, pipelines: new Map() };
}
