import { LabError } from "@/contracts/failure";
import { BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM } from "@/model/graph";
import type { GradientSums, Moments } from "../synchroniser";
import { type Feature, pixelsOf, withChannels } from "./feature";

export interface NormParameters {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
  readonly runningMean: Float64Array;
  readonly runningVariance: Float64Array;
}

/** What the backward pass needs: x̂ and 1/√(σ² + ε). */
export interface NormSaved {
  readonly normalised: Float64Array;
  readonly inverseDeviation: Float64Array;
}

/** Mean and biased variance by channel. */
export function momentsOf(x: Feature): Moments {
  const pixels = pixelsOf(x);
  const mean = new Float64Array(x.channels);
  const variance = new Float64Array(x.channels);
  for (let c = 0; c < x.channels; c++) {
    const begin = c * pixels;
    const end = begin + pixels;
    let sum = 0;
    for (let i = begin; i < end; i++) sum += x.data[i] as number;
    const middle = sum / pixels;
    let squares = 0;
    for (let i = begin; i < end; i++) squares += ((x.data[i] as number) - middle) ** 2;
    mean[c] = middle;
    variance[c] = squares / pixels;
  }
  return { count: pixels, mean, variance };
}

/**
 * `torch.nn.BatchNorm2d` in training mode, by these moments: its batch's, or those of all replicas. Failure: `shape/batch`
 * for one value per channel, as in PyTorch.
 */
export function normalise(
  x: Feature,
  p: Pick<NormParameters, "scale" | "shift">,
  { count, mean, variance }: Moments,
  epsilon = BATCH_NORM_EPSILON,
): { readonly out: Feature; readonly saved: NormSaved } {
  if (count < 2)
    throw new LabError(
      "shape/batch",
      "BatchNorm cannot train on one value a channel (one image of 1×1 at the bottom of the network).",
      "Use at least two images a batch or a larger size.",
    );
  const pixels = pixelsOf(x);
  const out = withChannels(x, x.channels);
  const normalised = new Float64Array(x.data.length);
  const inverseDeviation = variance.map((value) => 1 / Math.sqrt(value + epsilon));
  for (let c = 0; c < x.channels; c++)
    for (let i = c * pixels; i < (c + 1) * pixels; i++) {
      const value = ((x.data[i] as number) - (mean[c] as number)) * (inverseDeviation[c] as number);
      normalised[i] = value;
      out.data[i] = value * (p.scale[c] as number) + (p.shift[c] as number);
    }
  return { out, saved: { normalised, inverseDeviation } };
}

/** Moves the running statistics (in place) by 0.1 towards the mean and the unbiased variance. */
export function moveRunning(
  { runningMean, runningVariance }: Pick<NormParameters, "runningMean" | "runningVariance">,
  { count, mean, variance }: Moments,
): void {
  const keep = 1 - BATCH_NORM_MOMENTUM;
  for (const [c, running] of runningMean.entries())
    runningMean[c] = keep * running + BATCH_NORM_MOMENTUM * (mean[c] as number);
  for (const [c, running] of runningVariance.entries()) {
    const unbiased = ((variance[c] as number) * count) / (count - 1);
    runningVariance[c] = keep * running + BATCH_NORM_MOMENTUM * unbiased;
  }
}

/** `normalise` by the batch's own moments; moves the running statistics too. */
export function normForward(
  x: Feature,
  p: NormParameters,
  epsilon = BATCH_NORM_EPSILON,
): { readonly out: Feature; readonly saved: NormSaved } {
  const moments = momentsOf(x);
  const made = normalise(x, p, moments, epsilon);
  moveRunning(p, moments);
  return made;
}

/** Evaluation mode: normalises by the running statistics. */
export function normInfer(x: Feature, p: NormParameters, epsilon = BATCH_NORM_EPSILON): Feature {
  const pixels = pixelsOf(x);
  const out = withChannels(x, x.channels);
  for (let c = 0; c < x.channels; c++) {
    const factor = (p.scale[c] as number) / Math.sqrt((p.runningVariance[c] as number) + epsilon);
    const mean = p.runningMean[c] as number;
    const shift = p.shift[c] as number;
    for (let i = c * pixels; i < (c + 1) * pixels; i++)
      out.data[i] = ((x.data[i] as number) - mean) * factor + shift;
  }
  return out;
}

/** Σ g and Σ g·x̂ by channel: the gradients of shift and scale, ∂β and ∂γ. */
export function sumsOf(gradient: Feature, { normalised }: NormSaved): GradientSums {
  const pixels = pixelsOf(gradient);
  const sum = new Float64Array(gradient.channels);
  const product = new Float64Array(gradient.channels);
  for (let c = 0; c < gradient.channels; c++) {
    let plain = 0;
    let weighted = 0;
    for (let i = c * pixels; i < (c + 1) * pixels; i++) {
      const g = gradient.data[i] as number;
      plain += g;
      weighted += g * (normalised[i] as number);
    }
    sum[c] = plain;
    product[c] = weighted;
  }
  return { count: pixels, sum, product };
}

/**
 * Through the statistics (Ioffe & Szegedy 2015): ∂x = γ/σ · (g − mean(g) − x̂·mean(g·x̂)), with the means by these sums over
 * the gradient's own pixels.
 */
export function normInputGradient(
  gradient: Feature,
  scale: Float64Array,
  { normalised, inverseDeviation }: NormSaved,
  { sum, product }: GradientSums,
): Feature {
  const pixels = pixelsOf(gradient);
  const input = withChannels(gradient, gradient.channels);
  for (let c = 0; c < gradient.channels; c++) {
    const factor = (scale[c] as number) * (inverseDeviation[c] as number);
    const mean = (sum[c] as number) / pixels;
    const slope = (product[c] as number) / pixels;
    for (let i = c * pixels; i < (c + 1) * pixels; i++)
      input.data[i] = factor * ((gradient.data[i] as number) - mean - (normalised[i] as number) * slope);
  }
  return input;
}

/** All gradients of `normForward`. */
export function normBackward(
  gradient: Feature,
  scale: Float64Array,
  saved: NormSaved,
): { readonly input: Feature; readonly scale: Float64Array; readonly shift: Float64Array } {
  const sums = sumsOf(gradient, saved);
  return {
    input: normInputGradient(gradient, scale, saved, sums),
    scale: sums.product,
    shift: sums.sum,
  };
}
