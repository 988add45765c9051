import { LabError } from "@/contracts/failure";
import type { StateDict } from "@/contracts/tensors";
import type { Executor, FlatAccess } from "@/engine/executor";
import type { Graph } from "@/model/graph";
import { elementCount, parameterList } from "@/model/parameters";

/** Trainable parameters, or their gradients, one after the other in the order of the forward pass. */
export interface FlatLayout {
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly offset: number;
  }[];
  readonly floats: number;
}

export function flatLayout(graph: Graph): FlatLayout {
  let floats = 0;
  const tensors = parameterList(graph)
    .filter(({ trainable }) => trainable)
    .map(({ name, shape }) => {
      const offset = floats;
      floats += elementCount(shape);
      return { name, shape, offset };
    });
  return { tensors, floats };
}

/** Writes the tensors of the layout to `flat`. Throws `weights/missing`. */
export function flatten(layout: FlatLayout, from: StateDict, flat: Float32Array): void {
  for (const { name, offset } of layout.tensors) {
    const tensor = from.get(name);
    if (!tensor)
      throw new LabError("weights/missing", `There is no ${name}.`, "Give tensors of the same network.");
    flat.set(tensor.data, offset);
  }
}

/** The tensors of the layout, copied out of `flat`. */
export function unflatten(layout: FlatLayout, flat: Float32Array): StateDict {
  return new Map(
    layout.tensors.map(({ name, shape, offset }) => [
      name,
      { shape, data: Float32Array.from(flat.subarray(offset, offset + elementCount(shape))) },
    ]),
  );
}

/** The engine's own flat access, or one by way of its tensors. */
export function flatAccess(executor: Executor, layout: FlatLayout): FlatAccess {
  if (executor.flat) return executor.flat;
  const flatOf = (tensors: StateDict): Float32Array<ArrayBuffer> => {
    const flat = new Float32Array(layout.floats);
    flatten(layout, tensors, flat);
    return flat;
  };
  return {
    floats: layout.floats,
    readGradients: async () => flatOf(await executor.readGradients()),
    writeGradients: (flat) => executor.writeGradients(unflatten(layout, flat)),
    readParameters: async () => flatOf(await executor.readWeights()),
    writeParameters: async (flat) => {
      // BatchNorm's running statistics stay what they are.
      const weights = await executor.readWeights();
      await executor.writeWeights(new Map([...weights, ...unflatten(layout, flat)]));
    },
  };
}
