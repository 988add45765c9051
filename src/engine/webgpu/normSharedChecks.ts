import { BATCH_NORM_EPSILON } from "@/model/graph";
import { momentsOf, normalise, normInputGradient, sumsOf } from "../reference/batchNorm";
import type { LabDevice } from "./device";
import {
  close,
  closeFeature,
  empty,
  encoded,
  extentOf,
  feature,
  noise,
  packed,
  type Size,
} from "./kernelChecks";
import { runKernel } from "./kernelRun";
import type { Storage } from "./kernels/kernel";
import { normBackward, normBackwardSums, normMoments } from "./kernels/norm";
import {
  moveRunning,
  normBySharedMoments,
  normFactorsBySharedSums,
  normOwnMoments,
  normOwnSums,
} from "./kernels/normShared";

/** BatchNorm in halves, by statistics that are not its own, against the float64 reference. */
export async function checkSharedNorm(lab: LabDevice, storage: Storage, size: Size): Promise<void> {
  const channels = 12;
  const spec = { ...extentOf(size, storage), channels };
  const x = feature(channels, size, 1, storage);
  const values = encoded(x, storage);
  const moments = normMoments(spec, lab.target);
  const { outputs: partial } = await runKernel(lab, moments, {
    values,
    partials: empty(moments.splits * moments.partialFloats),
  });
  const { outputs: joined } = await runKernel(
    lab,
    normOwnMoments({ ...spec, rows: moments.splits }, lab.target),
    { partials: partial["partials"] ?? empty(0), statistics: empty(2 * channels) },
  );
  const own = momentsOf(x);
  close(joined["statistics"], [...own.mean, ...own.variance], "own moments");

  // Those of all: what other replicas may have made of them.
  const mean = Float64Array.from(noise(channels, 2));
  const variance = Float64Array.from(noise(channels, 3), (value) => value ** 2 + 0.5);
  const shared = { count: 2 * own.count + 1, mean, variance };
  const scale = Float64Array.from(noise(channels, 4));
  const shift = Float64Array.from(noise(channels, 5));
  const gamma = Float32Array.from(scale);
  const { outputs: applied } = await runKernel(
    lab,
    normBySharedMoments({ channels, epsilon: BATCH_NORM_EPSILON }, lab.target),
    {
      statistics: Float32Array.from([...mean, ...variance]),
      gamma,
      beta: Float32Array.from(shift),
      norms: empty(4 * channels),
    },
  );
  const norms = applied["norms"] ?? empty(0);
  const inverse = variance.map((value) => 1 / Math.sqrt(value + BATCH_NORM_EPSILON));
  close(
    norms,
    [
      ...scale.map((value, c) => value * (inverse[c] as number)),
      ...shift.map((value, c) => value - (mean[c] as number) * (scale[c] as number) * (inverse[c] as number)),
      ...mean,
      ...inverse,
    ],
    "normalisation",
  );

  const { out, saved } = normalise(x, { scale, shift }, shared);
  const incoming = feature(channels, size, 6, storage);
  const gated = { ...incoming, data: incoming.data.map((g, i) => ((out.data[i] as number) > 0 ? g : 0)) };
  const gradient = encoded(incoming, storage);
  const sums = normBackwardSums({ ...spec, relu: true }, lab.target);
  const { outputs: rows } = await runKernel(lab, sums, {
    values,
    norms,
    gradient,
    partials: empty(sums.splits * sums.partialFloats),
  });
  const { outputs: ownSums } = await runKernel(lab, normOwnSums({ ...spec, rows: sums.splits }, lab.target), {
    partials: rows["partials"] ?? empty(0),
    gammaGradient: empty(channels),
    betaGradient: empty(channels),
    statistics: empty(2 * channels),
  });
  const expectedSums = sumsOf(gated, saved);
  close(ownSums["gammaGradient"], expectedSums.product, "∂γ");
  close(ownSums["betaGradient"], expectedSums.sum, "∂β");
  close(ownSums["statistics"], [...expectedSums.sum, ...expectedSums.product], "own sums");

  const sum = Float64Array.from(noise(channels, 7));
  const product = Float64Array.from(noise(channels, 8));
  const kernel = normFactorsBySharedSums({ channels, count: own.count }, lab.target);
  const { outputs: factors } = await runKernel(lab, kernel, {
    statistics: Float32Array.from([...sum, ...product]),
    norms,
    gamma,
    factors: empty(3 * channels),
  });
  const { outputs: last } = await runKernel(lab, normBackward({ ...spec, relu: true }, lab.target), {
    values,
    norms,
    factors: factors["factors"] ?? empty(0),
    gradient,
  });
  const expected = normInputGradient(gated, scale, saved, { count: own.count, sum, product });
  closeFeature(last["gradient"], packed(expected), "∂x", storage);

  const running = Float32Array.from(noise(2 * channels, 9));
  const batch = Float32Array.from(noise(2 * channels, 10));
  const { outputs: moved } = await runKernel(lab, moveRunning({ floats: 2 * channels }, lab.target), {
    statistics: batch,
    running,
  });
  close(
    moved["running"],
    [...running].map((value, i) => 0.9 * value + 0.1 * (batch[i] as number)),
    "running statistics",
  );
}
