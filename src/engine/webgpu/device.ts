import { LabError } from "@/contracts/failure";
import type { AdapterInfo } from "@/contracts/training";
import { describeAdapter, isSoftware } from "../adapter";
import type { Target } from "./kernels/kernel";

/** Limits that the engine asks for as high as the adapter has them. */
const WANTED_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Less than what the slowest devices of their kind do: SwiftShader on two cores, a processor's graphics. */
const SOFTWARE_GFLOPS = 4;
const HARDWARE_GFLOPS = 200;

/** A device with what the engine keeps beside it: pipelines compiled once for every executor of this thread. */
export interface LabDevice {
  readonly device: GPUDevice;
  readonly adapter: AdapterInfo;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly target: Target;
  /** By WGSL text. */
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>;
  /** Texts of kernels that were sliced: they stay so, so that nothing is compiled twice. */
  readonly slicedTexts: Set<string>;
  /** Arithmetic that a training step gets done here in 10⁹ a second: assumed low at first, then as measured. */
  gflops: number;
  /** Uniform buffers of kernels' constants, by their numbers. */
  readonly constants: Map<string, GPUBuffer>;
  /** Why the device was lost; null while it works. */
  lost: string | null;
  /** The first error that no call was told of, with the label of what it concerns. */
  problem: string | null;
}

let current: Promise<LabDevice> | null = null;

/** WebGPU of this thread: absent outside browsers and without a secure context, whatever the types say. */
function findGpu(): GPU | null {
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  return gpu ?? null;
}

export async function findAdapter(): Promise<GPUAdapter | null> {
  return (await findGpu()?.requestAdapter({ powerPreference: "high-performance" })) ?? null;
}

/** The thread's device; made anew after a loss. Throws `engine/unavailable` where there is no adapter, or no device of it. */
export function acquireDevice(): Promise<LabDevice> {
  current = workingOr(current);
  return current;
}

async function workingOr(known: Promise<LabDevice> | null): Promise<LabDevice> {
  const held = await known?.catch(() => null);
  return held && held.lost === null && held.problem === null ? held : openDevice();
}

async function openDevice(): Promise<LabDevice> {
  const adapter = await findAdapter();
  if (!adapter)
    throw new LabError(
      "engine/unavailable",
      "This browser has no WebGPU, or no graphics adapter for it.",
      "Use a current Chrome, Edge or Safari, or choose another engine.",
    );
  const limits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
  const features = (["timestamp-query", "shader-f16", "subgroups"] as const).filter((name) =>
    adapter.features.has(name),
  );
  const device = await adapter
    .requestDevice({ label: "webgpu engine", requiredLimits: limits, requiredFeatures: features })
    .catch((error: unknown) => {
      throw new LabError(
        "engine/unavailable",
        `The graphics adapter gives no device: ${error instanceof Error ? error.message : String(error)}`,
        "Reload the page, or choose another engine.",
        { cause: error },
      );
    });
  const described = describeAdapter(adapter.info);
  const opened: LabDevice = {
    device,
    adapter: described,
    features,
    limits,
    target: {
      software: isSoftware(described),
      subgroupSize: subgroupSizeOf(adapter),
      shaderF16: device.features.has("shader-f16"),
      subgroupMatrices: [],
      tuning: new Map(),
      maxInvocationsPerWorkgroup: device.limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
      maxWorkgroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
    },
    pipelines: new Map(),
    slicedTexts: new Set(),
    gflops: isSoftware(described) ? SOFTWARE_GFLOPS : HARDWARE_GFLOPS,
    constants: new Map(),
    lost: null,
    problem: null,
  };
  device.onuncapturederror = ({ error }) => {
    opened.problem ??= error.message;
  };
  device.lost.then(
    (info) => {
      opened.lost = info.message || info.reason;
    },
    () => undefined,
  );
  return opened;
}

function subgroupSizeOf({ features, info }: GPUAdapter): number | null {
  const { subgroupMinSize, subgroupMaxSize } = info;
  return features.has("subgroups") && subgroupMinSize === subgroupMaxSize ? subgroupMinSize : null;
}

/** How long after something failed the loss that caused it may be told. */
const LOSS_WAIT_MS = 100;

/** Why the device was lost, or null: what fails of a lost device may fail a turn before the device says so. */
export async function lossOf({ device, lost }: LabDevice): Promise<string | null> {
  if (lost !== null) return lost;
  const told = device.lost.then(({ message, reason }) => message || reason);
  const never = new Promise<null>((resolve) => setTimeout(() => resolve(null), LOSS_WAIT_MS));
  return Promise.race([told, never]);
}

/** The failure of a lost device. */
export function deviceLost(reason: string): LabError {
  return new LabError(
    "engine/device-lost",
    `The graphics device was lost (${reason}).`,
    "Continue the run from its last checkpoint.",
  );
}
