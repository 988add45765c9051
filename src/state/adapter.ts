import { useEffect } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

export type GpuState =
  | { readonly status: "looking" }
  /** `software`: WebGPU works, but on the processor. */
  | { readonly status: "gpu" | "software"; readonly name: string; readonly offers: GpuOffers }
  | { readonly status: "none"; readonly reason: string };

/** What an adapter can do, as far as the engine cares. */
export interface GpuOffers {
  readonly features: readonly string[];
  /** Fewest and most lanes of a subgroup; null without subgroups. */
  readonly subgroupLanes: readonly [min: number, max: number] | null;
  readonly limits: Readonly<Record<(typeof LIMITS)[number], number>>;
}

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
] as const;

export const gpuStore = createStore<GpuState>(() => ({ status: "looking" }));

/** A short name for an adapter, from whatever the browser tells. */
export function adapterName(info: {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
}): string {
  const model = info.description || info.device || info.architecture;
  return [info.vendor, model].filter((part) => part !== "").join(" ") || "unnamed adapter";
}

let asked = false;

async function look(): Promise<void> {
  // Absent outside secure contexts and in browsers without WebGPU, whatever the types say.
  const gpu = (navigator as { readonly gpu?: GPU }).gpu;
  if (!gpu) {
    gpuStore.setState({ status: "none", reason: "This browser has no WebGPU." }, true);
    return;
  }
  try {
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) {
      gpuStore.setState({ status: "none", reason: "The browser found no graphics adapter." }, true);
      return;
    }
    const { info, features, limits } = adapter;
    const software =
      info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(adapterName(info));
    const offers: GpuOffers = {
      features: [...features].sort(),
      subgroupLanes: features.has("subgroups") ? [info.subgroupMinSize, info.subgroupMaxSize] : null,
      limits: Object.fromEntries(LIMITS.map((name) => [name, limits[name]])) as GpuOffers["limits"],
    };
    gpuStore.setState({ status: software ? "software" : "gpu", name: adapterName(info), offers }, true);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    gpuStore.setState({ status: "none", reason: `The graphics adapter did not answer: ${reason}.` }, true);
  }
}

/** What WebGPU offers here; asked once, when the first screen wants to know. */
export function useGpu(): GpuState {
  useEffect(() => {
    if (asked) return;
    asked = true;
    void look();
  }, []);
  return useStore(gpuStore);
}
