import type { TuningEntry } from "@/contracts/engineLab";
import type { Tuner } from "../tuning";
import { acquireDevice, type LabDevice } from "./device";
import { plansFor } from "./planFor";
import { tunePlan } from "./tuner";
import { openDeviceBench } from "./tuningBench";

/**
 * Raise when a kernel or a variant changes: what was measured of the old ones says nothing about the new, and is measured
 * again.
 */
const TUNING_VERSION = 2;

export const webgpuTuner: Tuner = {
  async device() {
    const lab = await acquireDevice();
    return { key: deviceKey(lab), software: lab.target.software };
  },
  async tune(options, images, pass, settings) {
    const lab = await acquireDevice();
    const { planAt } = plansFor(options, pass, { ...lab.target, tuning: new Map() });
    const before = new Set(lab.pipelines.keys());
    const chosen = new Map<string, string>();
    try {
      return await tunePlan({
        ...settings,
        device: deviceKey(lab),
        images,
        planAt,
        openBench: (dispatch, plan) => openDeviceBench(lab, dispatch, plan),
        onEntry: (entry: TuningEntry) => {
          chosen.set(entry.kernel, entry.variant);
          settings.onEntry?.(entry);
        },
      });
    } finally {
      const used = plansFor(options, pass, { ...lab.target, tuning: chosen }).planAt(images);
      const kept = new Set(used.dispatches.map(({ kernel }) => kernel.wgsl));
      for (const text of lab.pipelines.keys())
        if (!before.has(text) && !kept.has(text)) lab.pipelines.delete(text);
    }
  },
};

/** Products of a user agent that every browser names, for history's sake. */
const EVERYONE = /^(Mozilla|AppleWebKit|Gecko)\//;

/** Adapter, browser (its version brings another compiler) and version of the kernels. */
export function deviceKey({ adapter }: Pick<LabDevice, "adapter">): string {
  const { vendor, architecture, device, description } = adapter;
  const products = (globalThis.navigator?.userAgent ?? "").match(/\w[\w.]*\/[\d.]+/g) ?? [];
  return [
    [vendor, architecture, device, description].filter((part) => part !== "").join(" "),
    products.filter((product) => !EVERYONE.test(product)).join(" "),
    `kernels ${TUNING_VERSION}`,
  ].join(", ");
}
