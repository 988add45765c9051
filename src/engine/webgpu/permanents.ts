import type { Layout } from "./layout";
import type { DeviceMemory } from "./memory";
import type { PermanentName } from "./plan";

/** Buffers that live as long as an executor. */
export type Permanents = Readonly<Record<PermanentName, GPUBuffer>>;

const STORAGE = (): GPUBufferUsageFlags =>
  GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
const UNIFORM = (): GPUBufferUsageFlags => GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;

/** Makes them, all or none; throws as `DeviceMemory.allocate` does. */
export async function allocatePermanents(
  held: DeviceMemory,
  { parameterFloats, normFloats, runningFloats }: Layout,
): Promise<Permanents> {
  const storage = STORAGE();
  const floats: Readonly<Record<PermanentName, readonly [floats: number, usage: GPUBufferUsageFlags]>> = {
    parameters: [parameterFloats, storage],
    gradients: [parameterFloats, storage],
    firstMoments: [parameterFloats, storage],
    secondMoments: [parameterFloats, storage],
    norms: [normFloats, storage],
    running: [runningFloats, storage],
    loss: [4, storage],
    overflow: [4, storage],
    scaling: [4, UNIFORM()],
    adamStep: [4, UNIFORM()],
  };
  const names = Object.keys(floats) as PermanentName[];
  const made = await held.allocate(
    names.map((label) => {
      const [count, usage] = floats[label];
      return { label, bytes: 4 * count, usage };
    }),
  );
  return Object.fromEntries(names.map((name, index) => [name, made[index]])) as unknown as Permanents;
}
