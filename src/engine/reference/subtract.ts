import { type Feature, withChannels } from "./feature";

/** First less second, value by value; both of one shape. */
export function subtractForward(first: Feature, second: Feature): Feature {
  const out = withChannels(first, first.channels);
  for (let i = 0; i < out.data.length; i++)
    out.data[i] = (first.data[i] as number) - (second.data[i] as number);
  return out;
}

/** The gradient, and its negative; copies, because others may add to them. */
export function subtractBackward(gradient: Feature): readonly [first: Feature, second: Feature] {
  return [
    { ...gradient, data: gradient.data.slice() },
    { ...gradient, data: gradient.data.map((value) => -value) },
  ];
}
