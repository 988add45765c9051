import { type Feature, withChannels } from "./feature";

/** max(x, 0); a NaN stays one, as in PyTorch. */
export function reluForward(x: Feature): Feature {
  const out = withChannels(x, x.channels);
  for (let i = 0; i < x.data.length; i++) {
    out.data[i] = Math.max(x.data[i] as number, 0);
  }
  return out;
}

/** The gradient where the output is above zero; at zero PyTorch's subgradient is zero. */
export function reluBackward(out: Feature, gradient: Feature): Feature {
  const input = withChannels(out, out.channels);
  for (let i = 0; i < out.data.length; i++)
    input.data[i] = (out.data[i] as number) <= 0 ? 0 : (gradient.data[i] as number);
  return input;
}
