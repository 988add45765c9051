import { LabError } from "@/contracts/failure";
import type { AdapterInfo } from "@/contracts/training";
import { coreKernels } from "./coreKernels";
import type { Kernels, Tf } from "./kernels";

export type BackendName = "webgpu" | "webgl" | "wasm" | "cpu";

/** A backend ready to run, shared by all executors of this thread that use it. */
export interface Backend {
  readonly name: BackendName;
  readonly tf: Tf;
  readonly kernels: Kernels;
  readonly adapter: AdapterInfo | null;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** What went wrong on the device since it was opened, if anything did: no later result can be trusted. */
  failure(): LabError | null;
  /** Frees what lies outside TensorFlow.js' reach. */
  close(): void;
}

/** What a backend's own module makes of it. */
export type Opened = Omit<Backend, "name" | "tf" | "kernels"> & {
  readonly kernels?: (tf: Tf, core: Kernels) => Kernels;
  readonly lastMaximum: boolean;
};

/** Registers and starts one backend; nothing of the other three is loaded. */
async function open(tf: Tf, name: BackendName): Promise<Opened> {
  switch (name) {
    case "webgpu":
      return (await import("./backends/webgpu")).openWebgpu(tf);
    case "webgl":
      return (await import("./backends/webgl")).openWebgl(tf);
    case "wasm":
      return (await import("./backends/wasm")).openWasm(tf);
    case "cpu":
      return (await import("./backends/cpu")).openCpu(tf);
    default:
      return name satisfies never;
  }
}

async function load(name: BackendName): Promise<Backend> {
  const tf = await import("@tensorflow/tfjs-core");
  tf.enableProdMode();
  const { kernels, lastMaximum, ...opened } = await open(tf, name);
  const core = coreKernels(tf, lastMaximum);
  return { name, tf, kernels: kernels ? kernels(tf, core) : core, ...opened };
}

const shared = new Map<BackendName, { users: number; readonly backend: Promise<Backend> }>();

/** Starts `name`, or joins the executors that already use it. Each acquisition needs one `releaseBackend`. */
export async function acquireBackend(name: BackendName): Promise<Backend> {
  const entry = shared.get(name) ?? { users: 0, backend: load(name) };
  shared.set(name, entry);
  entry.users++;
  try {
    return await entry.backend;
  } catch (error) {
    if (shared.get(name) === entry) shared.delete(name);
    if (error instanceof LabError) throw error;
    throw new LabError(
      "engine/unavailable",
      `TensorFlow.js cannot start its ${name} backend here: ${error instanceof Error ? error.message : String(error)}.`,
      "Choose another engine.",
      { cause: error },
    );
  }
}

/** The last one out closes the device: threads end and pooled memory goes back. */
export function releaseBackend({ name, tf, close }: Backend): void {
  const entry = shared.get(name);
  if (!entry) return;
  entry.users--;
  if (entry.users > 0) return;
  shared.delete(name);
  const factory = tf.findBackendFactory(name);
  tf.removeBackend(name);
  // Removing forgets the factory too, which only the backend's module knows.
  tf.registerBackend(name, factory);
  close();
}

/** TensorFlow.js runs each op on the backend that is current; executors of several may take turns in one thread. */
export function makeCurrent({ name, tf }: Backend): void {
  // Synchronous for a backend that is initialised: the promise is only for those that are not.
  if (tf.getBackend() !== name) void tf.setBackend(name);
}
