import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import { deviceLost, lossOf } from "./deviceLoss";

/**
 * Runs `work` on a device. Turns what a lost device throws into `engine/device-lost`, and an error that the device told nobody
 * of into `engine/validation`.
 */
export async function callDevice<T>(lab: LabDevice, work: () => Promise<T>): Promise<T> {
  if (lab.lost !== null) throw deviceLost(lab.lost);
  try {
    const result = await work();
    if (lab.problem !== null)
      throw new LabError(
        "engine/validation",
        `The graphics device refused a command: ${lab.problem}`,
        "Choose another engine and report this message.",
      );
    return result;
  } catch (error) {
    if (error instanceof LabError) throw error;
    // A failed map is how a loss shows first; the device says so a turn later.
    const lost = await lossOf(lab);
    if (lost !== null) throw deviceLost(lost);
    throw error;
  }
}
