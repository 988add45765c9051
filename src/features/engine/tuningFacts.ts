import type { TuningEntry } from "@/contracts/engineLab";
import type { AdapterInfo } from "@/contracts/training";

/** Entries of one device, the most time saved first. */
export interface DeviceTuning {
  readonly device: string;
  readonly here: boolean;
  readonly entries: readonly TuningEntry[];
  /** Operations that something else than the default computes faster. */
  readonly changed: number;
}

/** True where a stored device is the adapter at hand: the entry's text holds all that the browser tells of the adapter. */
export function isDevice(
  device: string,
  { vendor, architecture, device: model, description }: AdapterInfo,
): boolean {
  const told = [vendor, architecture, model, description].filter((part) => part !== "");
  return told.length > 0 && told.every((part) => device.includes(part));
}

/** How many times faster than the default. */
export const gainOf = ({ ms, defaultMs }: TuningEntry): number => (ms > 0 ? defaultMs / ms : 1);

/** Entries by device, the one at hand first. */
export function byDevice(entries: readonly TuningEntry[], adapter: AdapterInfo | null): DeviceTuning[] {
  const names = [...new Set(entries.map(({ device }) => device))];
  return names
    .map((device) => {
      const members = entries.filter((entry) => entry.device === device);
      return {
        device,
        here: adapter !== null && isDevice(device, adapter),
        entries: members.toSorted((a, b) => b.defaultMs - b.ms - (a.defaultMs - a.ms)),
        changed: members.filter(({ variant, defaultVariant }) => variant !== defaultVariant).length,
      };
    })
    .toSorted((a, b) => Number(b.here) - Number(a.here));
}
