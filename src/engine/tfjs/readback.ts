import type { Tensor } from "@tensorflow/tfjs-core";

export async function readTensor(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  return (await tensor.data<"float32">()) as Float32Array<ArrayBuffer>;
}

/** Reads a tensor and disposes of it. */
export async function takeTensor(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  try {
    return await readTensor(tensor);
  } finally {
    tensor.dispose();
  }
}
