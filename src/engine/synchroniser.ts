/** Statistics of one BatchNorm's input over `count` values a channel: mean and biased variance by channel. */
export interface Moments {
  readonly count: number;
  readonly mean: Float64Array<ArrayBuffer>;
  readonly variance: Float64Array<ArrayBuffer>;
}

/**
 * What the backward pass of one BatchNorm sums over `count` values a channel: Σ g and Σ g·x̂ by channel, g being the gradient
 * of the mean loss of the images at hand by the BatchNorm's output.
 */
export interface GradientSums {
  readonly count: number;
  readonly sum: Float64Array<ArrayBuffer>;
  readonly product: Float64Array<ArrayBuffer>;
}

/** What is exchanged at one BatchNorm. */
export type Statistics =
  | { readonly kind: "moments"; readonly values: Moments }
  | { readonly kind: "sums"; readonly values: GradientSums };

/**
 * Makes BatchNorm's statistics those of all replicas' images. An executor asks at each BatchNorm, in the order of the forward
 * pass and then in that of the backward pass, and uses the answer in place of its own: for the forward pass mean, variance and
 * count of all images; for the backward pass the means of the replicas' sums, weighted by their counts, which are divided by
 * the executor's own count as its own sums would be (its gradients are weighted by its images later, so that they become
 * those of the mean loss of all images). γ and β keep the gradients of the executor's own sums.
 */
export interface Synchroniser {
  /** Rejects when the round was called off; the executor lets go of the pass and passes the rejection on. */
  moments(own: Moments): Promise<Moments>;
  sums(own: GradientSums): Promise<GradientSums>;
}

/**
 * The moments of all values together (Chan, Golub & LeVeque 1979), summed in the order given. Throws for none.
 */
export function joinedMoments(parts: readonly Moments[]): Moments {
  const count = countOf(parts);
  const channels = channelsOf(parts.map(({ mean }) => mean));
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (const part of parts)
    for (let c = 0; c < channels; c++)
      mean[c] = (mean[c] as number) + (part.count / count) * (part.mean[c] as number);
  for (const part of parts)
    for (let c = 0; c < channels; c++) {
      const apart = (part.mean[c] as number) - (mean[c] as number);
      variance[c] =
        (variance[c] as number) + (part.count / count) * ((part.variance[c] as number) + apart * apart);
    }
  return { count, mean, variance };
}

/** The means of sums, weighted by counts, summed in the order given. Throws for none. */
export function joinedSums(parts: readonly GradientSums[]): GradientSums {
  const count = countOf(parts);
  const channels = channelsOf(parts.map(({ sum }) => sum));
  const sum = new Float64Array(channels);
  const product = new Float64Array(channels);
  for (const part of parts)
    for (let c = 0; c < channels; c++) {
      const share = part.count / count;
      sum[c] = (sum[c] as number) + share * (part.sum[c] as number);
      product[c] = (product[c] as number) + share * (part.product[c] as number);
    }
  return { count, sum, product };
}

const countOf = (parts: readonly { readonly count: number }[]): number =>
  parts.reduce((all, { count }) => all + count, 0);

function channelsOf(parts: readonly Float64Array[]): number {
  const [channels, ...others] = new Set(parts.map(({ length }) => length));
  if (channels === undefined || others.length > 0)
    throw new RangeError(`statistics of ${parts.map(({ length }) => length).join(", ")} channels`);
  return channels;
}
