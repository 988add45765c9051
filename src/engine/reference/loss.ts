import { type Feature, withChannels } from "./feature";

/**
 * Mean over all pixels of |o − t| (`l1`, `torch.nn.L1Loss`; slope 0 where they are equal) or (o − t)² (`l2`,
 * `torch.nn.MSELoss`), and its gradient with respect to the output.
 */
export function lossWithGradient(
  output: Feature,
  target: ArrayLike<number>,
  kind: "l1" | "l2",
): { readonly loss: number; readonly gradient: Feature } {
  const gradient = withChannels(output, output.channels);
  const count = output.data.length;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const difference = (output.data[i] as number) - (target[i] as number);
    sum += kind === "l1" ? Math.abs(difference) : difference * difference;
    gradient.data[i] = (kind === "l1" ? Math.sign(difference) : 2 * difference) / count;
  }
  return { loss: sum / count, gradient };
}
