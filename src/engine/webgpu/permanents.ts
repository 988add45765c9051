import type { LabDevice } from "./device";
import type { Layout } from "./layout";
import { bufferBytes, type DeviceMemory } from "./memory";
import type { PermanentName } from "./plan";
import { readFloats } from "./readback";

/** Buffers that live as long as an executor. */
export type Permanents = Readonly<Record<PermanentName, GPUBuffer>>;

/** What an executor holds on a device, and how parameters lie in it. */
export interface Holdings {
  readonly lab: LabDevice;
  readonly held: DeviceMemory;
  readonly layout: Layout;
  readonly permanents: Permanents;
}

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

/** All numbers of one. Throws `engine/out-of-memory`. */
export function readPermanent(
  { lab, held, permanents }: Holdings,
  name: PermanentName,
): Promise<Float32Array<ArrayBuffer>> {
  const buffer = permanents[name];
  return readFloats(lab.device, held, buffer, buffer.size / 4);
}

/** Queues these numbers, from its beginning on; they are read before this returns. */
export function writePermanent({ lab, permanents }: Holdings, name: PermanentName, data: Float32Array): void {
  lab.device.queue.writeBuffer(permanents[name], 0, data);
}
