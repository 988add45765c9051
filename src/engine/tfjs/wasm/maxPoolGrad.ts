import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Tf } from "../kernels";
import { floats, imageShape, input, type KernelCall } from "./heap";

/**
 * The gradient of a 2×2 maximum with stride 2, to the first maximum of a window in reading order. Replaces the backend's
 * own kernel, which searches every window of any size and stride an element lies in and takes several times as long.
 */
export function registerMaxPoolGrad(tf: Tf): void {
  const kernelFunc = (call: KernelCall): TensorInfo => {
    const { backend } = call;
    const info = input(call, "input");
    const [batch, height, width, channels] = imageShape(info);
    const out = backend.makeOutput(info.shape, "float32");
    const dx = floats(backend, out);
    const x = floats(backend, info);
    const dy = floats(backend, input(call, "dy"));
    dx.fill(0);
    const row = width * channels;
    let from = 0;
    // Image boundaries need no care: heights are even, so windows never cross them.
    for (let y = 0; y < batch * height; y += 2)
      for (let column = 0; column < width; column += 2) {
        const corner = y * row + column * channels;
        for (let i = corner; i < corner + channels; i++) {
          let best = i;
          if ((x[i + channels] as number) > (x[best] as number)) best = i + channels;
          if ((x[i + row] as number) > (x[best] as number)) best = i + row;
          if ((x[i + row + channels] as number) > (x[best] as number)) best = i + row + channels;
          dx[best] = dy[from++] as number;
        }
      }
    return out;
  };
  tf.unregisterKernel(tf.MaxPoolGrad, "wasm");
  tf.registerKernel({
    kernelName: tf.MaxPoolGrad,
    backendName: "wasm",
    kernelFunc: kernelFunc as never,
  });
}
