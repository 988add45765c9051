import { type Feature, pixelsOf, scaledFeature } from "./feature";

/** 2×2 maximum, stride 2. `winners`: place in the input of each output; of equal values the first in row order, as in PyTorch. */
export function maxPoolForward(x: Feature): { readonly out: Feature; readonly winners: Uint32Array } {
  const out = scaledFeature(x, x.channels, 0.5);
  const winners = new Uint32Array(out.data.length);
  const { width } = x;
  let at = 0;
  for (let row = 0; row < x.channels * x.images * out.height; row++)
    for (let column = 0; column < out.width; column++, at++) {
      const corner = 2 * row * width + 2 * column;
      let winner = corner;
      let largest = x.data[corner] as number;
      for (const place of [corner + 1, corner + width, corner + width + 1]) {
        const value = x.data[place] as number;
        if (value > largest || Number.isNaN(value)) {
          largest = value;
          winner = place;
        }
      }
      out.data[at] = largest;
      winners[at] = winner;
    }
  return { out, winners };
}

/** Each gradient goes to the pixel that won. */
export function maxPoolBackward(gradient: Feature, winners: Uint32Array): Feature {
  const input = scaledFeature(gradient, gradient.channels, 2);
  for (let i = 0; i < pixelsOf(gradient) * gradient.channels; i++)
    input.data[winners[i] as number] = gradient.data[i] as number;
  return input;
}
