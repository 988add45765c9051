/**
 * A feature map of a batch, channel-major [channels, images, height, width]: a channel is one stretch of memory, so that
 * concat appends, BatchNorm scans, and a convolution is a matrix product over all pixels of the batch.
 */
export interface Feature {
  readonly channels: number;
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float64Array;
}

/** Pixels of a channel over the whole batch. */
export const pixelsOf = ({ images, height, width }: Feature): number => images * height * width;

/** A feature map of the same size with other channels, zero or around `data`. */
export function withChannels(like: Feature, channels: number, data?: Float64Array): Feature {
  return { ...like, channels, data: data ?? new Float64Array(channels * pixelsOf(like)) };
}

/** A feature map `factor` times as high and wide, zero. */
export function scaledFeature(like: Feature, channels: number, factor: number): Feature {
  const size = { images: like.images, height: like.height * factor, width: like.width * factor };
  return { ...size, channels, data: new Float64Array(channels * size.images * size.height * size.width) };
}
