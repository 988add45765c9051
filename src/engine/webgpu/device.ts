import { LabError } from "@/contracts/failure";
import type { AdapterInfo } from "@/contracts/training";
import { describeAdapter, isSoftware, requestAdapter } from "../adapter";
import { lossOf } from "./deviceLoss";
import type { SubgroupMatrix, Target } from "./kernels/kernel";
import { MATRIX_FEATURE, type ProbedMatrix, probeSubgroupMatrices, reportedMatrices } from "./matrixProbe";

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
  /** Matrix units that the adapter reports; those without a problem are in `target`. */
  readonly matrices: readonly ProbedMatrix[];
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

/** A device of this thread was lost while its matrix units were tried: the next ones go without. */
let matricesLoseDevices = false;

export function findAdapter(): Promise<GPUAdapter | null> {
  return requestAdapter();
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
  const reported = matricesLoseDevices ? [] : reportedMatrices(adapter);
  const wanted = [
    "timestamp-query",
    "shader-f16",
    "subgroups",
    ...(reported.length > 0 ? [MATRIX_FEATURE] : []),
  ];
  const features = (wanted as GPUFeatureName[]).filter((name) => adapter.features.has(name));
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
    matrices: [],
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
  return reported.length > 0 ? withMatrices(opened, reported) : opened;
}

/** The same device with the matrix units that prove right; another one without them where trying them loses it. */
async function withMatrices(opened: LabDevice, reported: readonly SubgroupMatrix[]): Promise<LabDevice> {
  const matrices = await probeSubgroupMatrices(opened, reported);
  const failed = matrices.some(({ problem }) => problem !== null);
  if ((failed ? await lossOf(opened) : opened.lost) !== null) {
    matricesLoseDevices = true;
    return openDevice();
  }
  const subgroupMatrices = matrices.flatMap(({ matrix, problem }) => (problem === null ? [matrix] : []));
  // In place: what notes losses and errors holds this object.
  return Object.assign(opened, { matrices, target: { ...opened.target, subgroupMatrices } });
}

function subgroupSizeOf({ features, info }: GPUAdapter): number | null {
  const { subgroupMinSize, subgroupMaxSize } = info;
  return features.has("subgroups") && subgroupMinSize === subgroupMaxSize ? subgroupMinSize : null;
}
