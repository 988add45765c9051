import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Tf } from "../kernels";
import {
  beginView,
  byteOffset,
  endView,
  floats,
  heapModule,
  imageShape,
  input,
  type KernelCall,
  shapeBytes,
} from "./heap";

/** The image geometry with `pad` zero columns after each row and `pad` zero rows after each image. */
interface Padded {
  readonly pad: number;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Pixels from one row to the next, and in all. */
  readonly rowLength: number;
  readonly pixels: number;
}

/** x [N,H,W,C] → planes [C, pixels] of the padded geometry, with `margin` zeros before and after all of them. */
function toPlanes(
  x: Float32Array,
  planes: Float32Array,
  geometry: Padded,
  channels: number,
  margin: number,
): void {
  const { batch, height, width, rowLength, pad, pixels } = geometry;
  planes.fill(0);
  for (let image = 0; image < batch; image++)
    for (let row = 0; row < height; row++) {
      const from = (image * height + row) * width * channels;
      const to = margin + (image * (height + pad) + row) * rowLength;
      for (let channel = 0; channel < channels; channel++) {
        const plane = to + channel * pixels;
        for (let column = 0, source = from + channel; column < width; column++, source += channels)
          planes[plane + column] = x[source] as number;
      }
    }
}

/** dy [N,H,W,K] → rows [pixels, K] of the padded geometry. */
function padRows(dy: Float32Array, padded: Float32Array, geometry: Padded, channels: number): void {
  const { batch, height, width, rowLength, pad } = geometry;
  padded.fill(0);
  const length = width * channels;
  for (let image = 0; image < batch; image++)
    for (let row = 0; row < height; row++) {
      const from = (image * height + row) * length;
      const to = (image * (height + pad) + row) * rowLength * channels;
      padded.set(dy.subarray(from, from + length), to);
    }
}

/**
 * The weight gradient of a stride-1 convolution with zero padding (k−1)/2, which TensorFlow.js' WASM backend lacks.
 *
 * dW[i,j,c,o] = Σ_p x[c, p + shift(i,j)] · dy[p, o]: for each of the k² taps one matrix product [C, P] × [P, K] on
 * XNNPACK. x is laid out once as planes with a zero column after each row and a zero row after each image, dy likewise;
 * then a tap's shift is only another start address in the same planes, so nothing is copied per tap, and where a shifted
 * pixel would wrap into the next row one of the two factors is zero. XNNPACK packs dy once for all taps.
 */
export function registerConv2dBackpropFilter(tf: Tf): void {
  let matMul: (...args: readonly unknown[]) => unknown;
  const kernelFunc = (call: KernelCall): TensorInfo => {
    const { backend } = call;
    const x = input(call, "x");
    const dy = input(call, "dy");
    const [batch, height, width, channels] = imageShape(x);
    const outChannels = imageShape(dy)[3];
    const [kernel = 1] = call.attrs["filterShape"] as number[];
    const pad = (kernel - 1) / 2;
    const rowLength = width + pad;
    const pixels = batch * (height + pad) * rowLength;
    const geometry: Padded = { pad, batch, height, width, rowLength, pixels };
    const margin = pad * (rowLength + 1);

    const planes = backend.makeOutput([2 * margin + channels * pixels], "float32");
    const padded = pad > 0 ? backend.makeOutput([pixels, outChannels], "float32") : dy;
    const out = backend.makeOutput([kernel, kernel, channels, outChannels], "float32");
    toPlanes(floats(backend, x), floats(backend, planes), geometry, channels, margin);
    if (pad > 0) padRows(floats(backend, dy), floats(backend, padded), geometry, outChannels);

    const aShape = shapeBytes([1, channels, pixels]);
    const bShape = shapeBytes([1, pixels, outChannels]);
    const start = byteOffset(backend, planes) + 4 * margin;
    const b = beginView(backend, byteOffset(backend, padded), pixels * outChannels);
    for (let i = 0; i < kernel; i++)
      for (let j = 0; j < kernel; j++) {
        const shift = (i - pad) * rowLength + (j - pad);
        const tap = (i * kernel + j) * channels * outChannels;
        const a = beginView(backend, start + 4 * shift, channels * pixels);
        const c = beginView(backend, byteOffset(backend, out) + 4 * tap, channels * outChannels);
        matMul(a, aShape, 3, b, bShape, 3, false, false, c);
        endView(backend, a);
        endView(backend, c);
      }
    endView(backend, b);
    backend.disposeData(planes.dataId);
    if (pad > 0) backend.disposeData(padded.dataId);
    return out;
  };
  tf.registerKernel({
    kernelName: tf.Conv2DBackpropFilter,
    backendName: "wasm",
    setupFunc: (backend) => {
      matMul = heapModule(backend as BackendWasm).cwrap("BatchMatMul", null, [
        "number",
        "array",
        "number",
        "number",
        "array",
        "number",
        "number",
        "number",
        "number",
      ]);
    },
    kernelFunc: kernelFunc as never,
  });
}
