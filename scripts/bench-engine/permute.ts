import type { Tensor } from "@/contracts/tensors";

/** A row-major tensor with its axes in another order: axis k of the result is axis `axes[k]` of `tensor`. */
export function permute({ shape, data }: Tensor, axes: readonly number[]): Tensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1));
  const outShape = axes.map((axis) => shape[axis] ?? 1);
  const outStrides = axes.map((axis) => strides[axis] ?? 0);
  const out = new Float32Array(data.length);
  const index = outShape.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from] ?? 0;
    // Counts up like an odometer, the last axis first.
    for (let axis = index.length - 1; axis >= 0; axis--) {
      const at = (index[axis] ?? 0) + 1;
      const stride = outStrides[axis] ?? 0;
      if (at < (outShape[axis] ?? 1)) {
        index[axis] = at;
        from += stride;
        break;
      }
      from -= stride * (at - 1);
      index[axis] = 0;
    }
  }
  return { shape: outShape, data: out };
}
