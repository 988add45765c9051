import { LabError } from "@/contracts/failure";
import { BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM } from "@/model/graph";
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

/**
 * `torch.nn.BatchNorm2d` in training mode: normalises by the batch's biased variance and moves the running statistics
 * (in place) by 0.1 towards its mean and its unbiased variance. Failure: `shape/batch` for one value per channel, as in
 * PyTorch.
 */
export function normForward(
  x: Feature,
  p: NormParameters,
  epsilon = BATCH_NORM_EPSILON,
): { readonly out: Feature; readonly saved: NormSaved } {
  const pixels = pixelsOf(x);
  if (pixels < 2)
    throw new LabError(
      "shape/batch",
      "BatchNorm cannot train on one value a channel (one image of 1×1 at the bottom of the network).",
      "Use at least two images a batch or a larger size.",
    );
  const out = withChannels(x, x.channels);
  const saved = {
    normalised: new Float64Array(x.data.length),
    inverseDeviation: new Float64Array(x.channels),
  };
  for (let c = 0; c < x.channels; c++) {
    const begin = c * pixels;
    const end = begin + pixels;
    let mean = 0;
    for (let i = begin; i < end; i++) mean += x.data[i] as number;
    mean /= pixels;
    let variance = 0;
    for (let i = begin; i < end; i++) variance += ((x.data[i] as number) - mean) ** 2;
    variance /= pixels;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    const scale = p.scale[c] as number;
    const shift = p.shift[c] as number;
    for (let i = begin; i < end; i++) {
      const normalised = ((x.data[i] as number) - mean) * inverse;
      saved.normalised[i] = normalised;
      out.data[i] = normalised * scale + shift;
    }
    saved.inverseDeviation[c] = inverse;
    const keep = 1 - BATCH_NORM_MOMENTUM;
    const unbiased = (variance * pixels) / (pixels - 1);
    p.runningMean[c] = keep * (p.runningMean[c] as number) + BATCH_NORM_MOMENTUM * mean;
    p.runningVariance[c] = keep * (p.runningVariance[c] as number) + BATCH_NORM_MOMENTUM * unbiased;
  }
  return { out, saved };
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

/**
 * Through the batch statistics (Ioffe & Szegedy 2015): ∂β = Σ g, ∂γ = Σ g·x̂,
 * ∂x = γ/σ · (g − mean(g) − x̂·mean(g·x̂)).
 */
export function normBackward(
  gradient: Feature,
  scale: Float64Array,
  { normalised, inverseDeviation }: NormSaved,
): { readonly input: Feature; readonly scale: Float64Array; readonly shift: Float64Array } {
  const pixels = pixelsOf(gradient);
  const input = withChannels(gradient, gradient.channels);
  const scaleGradient = new Float64Array(gradient.channels);
  const shiftGradient = new Float64Array(gradient.channels);
  for (let c = 0; c < gradient.channels; c++) {
    const begin = c * pixels;
    const end = begin + pixels;
    let sum = 0;
    let product = 0;
    for (let i = begin; i < end; i++) {
      const g = gradient.data[i] as number;
      sum += g;
      product += g * (normalised[i] as number);
    }
    scaleGradient[c] = product;
    shiftGradient[c] = sum;
    const factor = (scale[c] as number) * (inverseDeviation[c] as number);
    for (let i = begin; i < end; i++)
      input.data[i] =
        factor *
        ((gradient.data[i] as number) - sum / pixels - ((normalised[i] as number) * product) / pixels);
  }
  return { input, scale: scaleGradient, shift: shiftGradient };
}
