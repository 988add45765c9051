import type { ExecutorOptions } from "../executor";

/**
 * One step of Adam in place, in the order of operations of `torch.optim.Adam` (Kingma & Ba 2015, without weight decay):
 * p −= lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε). `step` is t, from 1.
 */
export function adamStep(
  parameter: Float64Array,
  gradient: Float64Array,
  first: Float64Array,
  second: Float64Array,
  step: number,
  learningRate: number,
  { beta1, beta2, epsilon }: ExecutorOptions["adam"],
): void {
  const stepSize = learningRate / (1 - beta1 ** step);
  const secondCorrection = Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i] as number;
    const m = beta1 * (first[i] as number) + (1 - beta1) * g;
    const v = beta2 * (second[i] as number) + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    parameter[i] = (parameter[i] as number) - (stepSize * m) / (Math.sqrt(v) / secondCorrection + epsilon);
  }
}
