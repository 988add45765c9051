import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { LabError } from "@/contracts/failure";
import type { LpipsNetwork } from "@/contracts/lpips";
import type { StateDict } from "@/contracts/tensors";
import type { Tf } from "@/engine/tfjs/kernels";

/** A network's weights on a backend, by name; convolutions as TensorFlow.js wants them, [kernel, kernel, in, out]. */
export type DeviceWeights = ReadonlyMap<string, Tensor>;

export function uploadWeights(tf: Tf, tensors: StateDict): DeviceWeights {
  const uploaded = new Map<string, Tensor>();
  for (const [name, { shape, data }] of tensors)
    uploaded.set(
      name,
      tf.tidy(() =>
        shape.length === 4 && !name.startsWith("lin")
          ? tf.transpose(tf.tensor(data, [...shape]), [2, 3, 1, 0])
          : tf.tensor(data, [data.length]),
      ),
    );
  return uploaded;
}

/** The network's compared features of images x [N, H, W, 3]: the tensors after the ReLUs that LPIPS taps, finest first. */
export function features(tf: Tf, network: LpipsNetwork, weights: DeviceWeights, x: Tensor4D): Tensor4D[] {
  switch (network) {
    case "alex":
      return alexFeatures(tf, weights, x);
    case "squeeze":
      return squeezeFeatures(tf, weights, x);
    default:
      return network satisfies never;
  }
}

export function weightOf<T extends Tensor>(weights: DeviceWeights, name: string): T {
  const weight = weights.get(name);
  if (!weight)
    throw new LabError(
      "weights/lpips",
      `The LPIPS weights have no ${name}.`,
      "Load the weight file again on the Runs screen.",
    );
  return weight as T;
}

/** Convolution with zero padding on every side, then ReLU. */
function convRelu(
  tf: Tf,
  weights: DeviceWeights,
  name: string,
  x: Tensor4D,
  padding: number,
  stride = 1,
): Tensor4D {
  const padded =
    padding === 0
      ? x
      : tf.pad(x, [
          [0, 0],
          [padding, padding],
          [padding, padding],
          [0, 0],
        ]);
  return tf.fused.conv2d({
    x: padded,
    filter: weightOf<Tensor4D>(weights, `${name}.weight`),
    strides: stride,
    pad: "valid",
    bias: weightOf<Tensor1D>(weights, `${name}.bias`),
    activation: "relu",
  });
}

/** Pooling windows of 3×3 two apart. */
const POOL = 3;
const POOL_STRIDE = 2;

function alexFeatures(tf: Tf, weights: DeviceWeights, x: Tensor4D): Tensor4D[] {
  const pool = (y: Tensor4D): Tensor4D => tf.maxPool(y, POOL, POOL_STRIDE, "valid");
  const tap1 = convRelu(tf, weights, "conv1", x, 2, 4);
  const tap2 = convRelu(tf, weights, "conv2", pool(tap1), 2);
  const tap3 = convRelu(tf, weights, "conv3", pool(tap2), 1);
  const tap4 = convRelu(tf, weights, "conv4", tap3, 1);
  const tap5 = convRelu(tf, weights, "conv5", tap4, 1);
  return [tap1, tap2, tap3, tap4, tap5];
}

function squeezeFeatures(tf: Tf, weights: DeviceWeights, x: Tensor4D): Tensor4D[] {
  // PyTorch's ceil mode: a last window that sticks out by a pixel counts. What it adds is zero, and nothing here is below.
  const pool = (y: Tensor4D): Tensor4D => {
    const beyond = (side: number): number => (side - POOL) % POOL_STRIDE;
    const [, height, width] = y.shape;
    const padded = tf.pad(y, [
      [0, 0],
      [0, beyond(height)],
      [0, beyond(width)],
      [0, 0],
    ]);
    return tf.maxPool(padded, POOL, POOL_STRIDE, "valid");
  };
  const fire = (name: string, y: Tensor4D): Tensor4D => {
    const squeezed = convRelu(tf, weights, `${name}.squeeze`, y, 0);
    return tf.concat(
      [
        convRelu(tf, weights, `${name}.expand1x1`, squeezed, 0),
        convRelu(tf, weights, `${name}.expand3x3`, squeezed, 1),
      ],
      3,
    );
  };
  const tap1 = convRelu(tf, weights, "conv1", x, 0, 2);
  const tap2 = fire("fire4", fire("fire3", pool(tap1)));
  const tap3 = fire("fire7", fire("fire6", pool(tap2)));
  const tap4 = fire("fire9", pool(tap3));
  const tap5 = fire("fire10", tap4);
  const tap6 = fire("fire11", tap5);
  const tap7 = fire("fire12", tap6);
  return [tap1, tap2, tap3, tap4, tap5, tap6, tap7];
}
