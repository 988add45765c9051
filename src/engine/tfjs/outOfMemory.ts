import { LabError } from "@/contracts/failure";

export function outOfMemory(detail: string): LabError {
  return new LabError(
    "engine/out-of-memory",
    `The device has too little memory for this network, size and batch (${detail}).`,
    "Choose a smaller batch, size or width.",
  );
}
