import { type Feature, pixelsOf, withChannels } from "./feature";

/** Channels of all inputs, in their order; every input has the same size. */
export function concatForward(inputs: readonly Feature[]): Feature {
  const [first] = inputs;
  if (!first) throw new RangeError("a concat needs inputs");
  const out = withChannels(
    first,
    inputs.reduce((sum, { channels }) => sum + channels, 0),
  );
  let at = 0;
  for (const { data } of inputs) {
    out.data.set(data, at);
    at += data.length;
  }
  return out;
}

/** Each input's part of the gradient, as a copy: others may add to it. */
export function concatBackward(inputs: readonly Feature[], gradient: Feature): Feature[] {
  let at = 0;
  return inputs.map((input) => {
    const length = input.channels * pixelsOf(input);
    const data = gradient.data.slice(at, at + length);
    at += length;
    return { ...input, data };
  });
}
