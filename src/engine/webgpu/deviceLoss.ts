import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";

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
