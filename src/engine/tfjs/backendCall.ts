import { LabError } from "@/contracts/failure";
import { type Backend, makeCurrent } from "./backend";
import { outOfMemory } from "./outOfMemory";

/** What fails of a lost device may fail a turn before the device says that it is lost. */
const LOSS_WAIT_MS = 100;

/** Runs `work` on a backend, which is current where `work` begins, and turns what a broken device throws into coded failures. */
export async function callBackend<T>(backend: Backend, work: () => Promise<T>): Promise<T> {
  throwFailure(backend);
  makeCurrent(backend);
  try {
    const value = await work();
    throwFailure(backend);
    return value;
  } catch (error) {
    if (!(error instanceof LabError)) await lossTold();
    throwFailure(backend);
    if (error instanceof RangeError) throw outOfMemory(error.message);
    throw error;
  }
}

function throwFailure(backend: Backend): void {
  const failure = backend.failure();
  if (failure) throw failure;
}

function lossTold(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOSS_WAIT_MS));
}
