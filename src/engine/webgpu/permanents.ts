import type { Layout } from "./layout";
import { bufferBytes, type DeviceMemory } from "./memory";
import type { PermanentName } from "./plan";

/** Buffers that live as long as an executor. */
export type Permanents = Readonly<Record<PermanentName, GPUBuffer>>;

const STORAGE = (): GPUBufferUsageFlags =>
  GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
const UNIFORM = (): GPUBufferUsageFlags => GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;

/** Floats of each. */
function floatsOf({ parameterFloats, normFloats, runningFloats }: Layout): Record<PermanentName, number> {
  return {
    parameters: parameterFloats,
    gradients: parameterFloats,
    firstMoments: parameterFloats,
    secondMoments: parameterFloats,
    norms: normFloats,
    running: runningFloats,
    statistics: runningFloats,
    loss: 4,
    overflow: 4,
    scaling: 4,
    adamStep: 4,
  };
}

/** Bytes of what a step reads back: the loss, and whether it overflowed. */
export const LOSS_READBACK_BYTES = 16;

/** Device bytes that an executor holds beside the slots of its plans. */
export function permanentBytes(layout: Layout): number {
  return Object.values(floatsOf(layout)).reduce(
    (sum, floats) => sum + bufferBytes(4 * floats),
    LOSS_READBACK_BYTES,
  );
}

/** Makes them, all or none; throws as `DeviceMemory.allocate` does. */
export async function allocatePermanents(held: DeviceMemory, layout: Layout): Promise<Permanents> {
  const floats = floatsOf(layout);
  const names = Object.keys(floats) as PermanentName[];
  const made = await held.allocate(
    names.map((label) => ({
      label,
      bytes: 4 * floats[label],
      usage: label === "scaling" || label === "adamStep" ? UNIFORM() : STORAGE(),
    })),
  );
  return Object.fromEntries(names.map((name, index) => [name, made[index]])) as unknown as Permanents;
}
