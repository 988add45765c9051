import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Kernels, Tf } from "./kernels";

/** [N,H,W,C] → [N·H·W, C]. */
function rows(tf: Tf, x: Tensor4D): Tensor2D {
  return tf.reshape(x, [-1, x.shape[3]]);
}

/** x [N·H, W, 2, 2·C] ↔ [N·H, 2, W, 2·C]: a 2×2 block beside its pixel, or in its place in the image. */
function swapBlocks(tf: Tf, x: Tensor): Tensor {
  return tf.transpose(x, [0, 2, 1, 3]);
}

/** One channel's mean over rows: [M,C] → [C]. */
function channelMeans(tf: Tf, x: Tensor2D): Tensor1D {
  return tf.mean<Tensor1D>(x, 0);
}

/** The interpolation matrix [2·size, size] of bilinear ×2 with align_corners: row i has the weights of output i. */
export function upsampleMatrix(size: number): Float32Array<ArrayBuffer> {
  const out = 2 * size;
  const matrix = new Float32Array(out * size);
  for (let i = 0; i < out; i++) {
    const position = (i * (size - 1)) / (out - 1);
    const low = Math.min(Math.floor(position), size - 1);
    const high = Math.min(low + 1, size - 1);
    const weight = position - low;
    matrix[i * size + low] = (matrix[i * size + low] as number) + 1 - weight;
    matrix[i * size + high] = (matrix[i * size + high] as number) + weight;
  }
  return matrix;
}

/**
 * Every operation from TensorFlow.js' own ops: what any backend can run.
 * `lastMaximum`: the backend's max-pool gradient goes to the last of equal maxima (its shaders compare with ≥), so it is
 * run on the mirrored image.
 */
export function coreKernels(tf: Tf, lastMaximum: boolean): Kernels {
  const mirror = (x: Tensor4D): Tensor4D => tf.reverse(x, [1, 2]);
  return {
    conv: (x, filter, bias, relu) =>
      tf.fused.conv2d({
        x,
        filter,
        strides: 1,
        pad: "same",
        bias,
        activation: relu ? "relu" : "linear",
      }),
    convInputGradient: (dy, weight) => {
      const [batch, height, width] = dy.shape;
      return tf.conv2dTranspose(dy, weight, [batch, height, width, weight.shape[2]], 1, "same");
    },
    convFilterGradient: (x, dy, kernel) =>
      tf.engine().runKernel(
        tf.Conv2DBackpropFilter,
        { x, dy },
        {
          strides: 1,
          pad: "same",
          dataFormat: "NHWC",
          filterShape: [kernel, kernel, x.shape[3], dy.shape[3]],
        },
      ) as Tensor4D,
    channelSums: (dy) => tf.tidy(() => tf.sum<Tensor1D>(rows(tf, dy), 0)),
    reluBiasGradient: (y, dy) =>
      tf.tidy(() => {
        const masked = tf.mul<Tensor4D>(dy, tf.step(y));
        return { masked, sums: tf.sum<Tensor1D>(rows(tf, masked), 0) };
      }),
    concat: (inputs) => tf.concat([...inputs], 3),
    upconv: (x, weight, bias) =>
      tf.tidy(() => {
        const [batch, height, width] = x.shape;
        const channels = weight.shape[1] / 4;
        const blocks = tf.reshape(tf.matMul(rows(tf, x), weight), [batch * height, width, 2, 2 * channels]);
        return tf.add<Tensor4D>(
          tf.reshape(swapBlocks(tf, blocks), [batch, 2 * height, 2 * width, channels]),
          bias,
        );
      }),
    upconvGradients: (x, dy, weight) =>
      tf.tidy(() => {
        const [batch, height, width] = x.shape;
        const image = tf.reshape(dy, [batch * height, 2, width, 2 * dy.shape[3]]);
        const blocks = tf.reshape(swapBlocks(tf, image), [-1, weight.shape[1]]) as Tensor2D;
        return {
          dx: tf.reshape(tf.matMul(blocks, weight, false, true), x.shape) as Tensor4D,
          dWeight: tf.matMul<Tensor2D>(rows(tf, x), blocks, true, false),
        };
      }),
    batchNormTraining: (x, gamma, beta, relu, epsilon) =>
      tf.tidy(() => {
        const flat = rows(tf, x);
        const mean = channelMeans(tf, flat);
        const centred = tf.sub<Tensor2D>(flat, mean);
        const variance = channelMeans(tf, tf.square(centred));
        const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
        const affine = tf.add(tf.mul(centred, scale), beta);
        const y = tf.reshape(relu ? tf.relu(affine) : affine, x.shape) as Tensor4D;
        return { y, mean, variance };
      }),
    batchNormInference: (x, gamma, beta, mean, variance, relu, epsilon) =>
      tf.tidy(() => {
        const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
        const y = tf.add<Tensor4D>(tf.mul(x, scale), tf.sub(beta, tf.mul(mean, scale)));
        return relu ? tf.relu(y) : y;
      }),
    batchNormGradients: (x, y, dy, gamma, mean, variance, epsilon) =>
      tf.tidy(() => {
        const flat = rows(tf, x);
        const gradient = rows(tf, y ? tf.mul(dy, tf.step(y)) : dy);
        const count = flat.shape[0];
        const inverseStd = tf.rsqrt<Tensor1D>(tf.add(variance, epsilon));
        const normalised = tf.mul<Tensor2D>(tf.sub(flat, mean), inverseStd);
        const dBeta = tf.sum<Tensor1D>(gradient, 0);
        const dGamma = tf.sum<Tensor1D>(tf.mul(gradient, normalised), 0);
        // dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy·x̂))
        const inner = tf.sub(
          tf.sub(gradient, tf.div(dBeta, count)),
          tf.mul(normalised, tf.div(dGamma, count)),
        );
        const dx = tf.reshape(tf.mul(inner, tf.mul(gamma, inverseStd)), x.shape) as Tensor4D;
        return { dx, dGamma, dBeta };
      }),
    relu: (x) => tf.relu(x),
    reluGradient: (y, dy) => tf.tidy(() => tf.mul<Tensor4D>(dy, tf.step(y))),
    maxPool: (x) => tf.maxPool(x, 2, 2, "valid"),
    maxPoolGradient: (x, y, dy) =>
      tf.tidy(() => {
        const run = (input: Tensor4D, output: Tensor4D, gradient: Tensor4D): Tensor4D =>
          tf
            .engine()
            .runKernel(
              tf.MaxPoolGrad,
              { dy: gradient, input, output },
              { filterSize: 2, strides: 2, pad: "valid" },
            ) as Tensor4D;
        return lastMaximum ? mirror(run(mirror(x), mirror(y), mirror(dy))) : run(x, y, dy);
      }),
    channels: (x, offset, count) => tf.slice(x, [0, 0, 0, offset], [-1, -1, -1, count]),
    cut: (flat, offset, shape) =>
      tf.tidy(() => {
        const size = shape.reduce((product, side) => product * side, 1);
        return tf.reshape(tf.slice(flat, offset, size), [...shape]);
      }),
    upsample: (x) => tf.image.resizeBilinear(x, [2 * x.shape[1], 2 * x.shape[2]], true),
    upsampleGradient: (dy) =>
      tf.tidy(() => {
        const [batch, height, width, channels] = dy.shape;
        const shape: Tensor4D["shape"] = [batch, height / 2, width / 2, channels];
        const images = tf.zeros(shape);
        const gradient = tf
          .engine()
          .runKernel(tf.ResizeBilinearGrad, { images, dy }, { alignCorners: true }) as Tensor4D;
        // The cpu backend labels its result [N,W,H,C], though the numbers lie as [N,H,W,C].
        return tf.reshape(gradient, shape) as Tensor4D;
      }),
    loss: (kind, output, target) =>
      tf.tidy(() => {
        const difference = tf.sub<Tensor4D>(output, target);
        const losses = kind === "l1" ? tf.abs(difference) : tf.square(difference);
        // Two sums: shorter chains of float32 additions than one.
        const total = tf.sum(tf.sum(tf.reshape(losses, [-1, output.shape[2]]), 1));
        return {
          value: tf.reshape(tf.div(total, output.size), [1]) as Tensor1D,
          gradient:
            kind === "l1"
              ? tf.mul<Tensor4D>(tf.sign(difference), 1 / output.size)
              : tf.mul<Tensor4D>(difference, 2 / output.size),
        };
      }),
    adam: (buffers, gradients, step) => {
      const next = tf.tidy(() => {
        const firstMoments = tf.add<Tensor1D>(
          tf.mul(buffers.firstMoments, step.beta1),
          tf.mul(gradients, 1 - step.beta1),
        );
        const secondMoments = tf.add<Tensor1D>(
          tf.mul(buffers.secondMoments, step.beta2),
          tf.mul(tf.square(gradients), 1 - step.beta2),
        );
        const denominator = tf.add(
          tf.mul(tf.sqrt(secondMoments), 1 / Math.sqrt(step.correction2)),
          step.epsilon,
        );
        const values = tf.sub<Tensor1D>(
          buffers.values,
          tf.div(tf.mul(firstMoments, step.learningRate / step.correction1), denominator),
        );
        return { values, firstMoments, secondMoments };
      });
      tf.dispose([buffers.values, buffers.firstMoments, buffers.secondMoments]);
      return next;
    },
  };
}
