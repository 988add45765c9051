import type { Setup } from "@/contracts/runConfig";

/** Devices whose speeds differ by less than this share get equal parts: noise in the timing must move no image. */
const SAME_SPEED = 0.1;

/**
 * The order with its first images repeated at the end until every replica has as many, as PyTorch's `DistributedSampler`
 * pads it (drop_last = False).
 */
export function paddedOrder(order: Uint32Array, replicas: number): Uint32Array {
  const padded = new Uint32Array(Math.ceil(order.length / replicas) * replicas);
  for (let place = 0; place < padded.length; place++) padded[place] = order[place % order.length] as number;
  return padded;
}

/**
 * Splits `total` images in proportion to `shares` (0: takes no part), by largest remainder, ties to the lower rank. Every
 * taker gets at least one where there are enough.
 */
export function apportion(total: number, shares: readonly number[]): number[] {
  const sum = shares.reduce((all, share) => all + share, 0);
  const exact = shares.map((share) => (total * share) / sum);
  const counts = exact.map(Math.floor);
  const byRemainder = shares
    .map((share, rank) => ({ rank, share, remainder: (exact[rank] as number) - (counts[rank] as number) }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.remainder - a.remainder || a.rank - b.rank);
  let left = total - counts.reduce((all, count) => all + count, 0);
  for (const { rank } of byRemainder) {
    if (left === 0) break;
    counts[rank] = (counts[rank] as number) + 1;
    left--;
  }
  for (const { rank } of byRemainder) {
    const most = counts.indexOf(Math.max(...counts));
    if (counts[rank] !== 0 || (counts[most] as number) < 2) continue;
    counts[rank] = 1;
    counts[most] = (counts[most] as number) - 1;
  }
  return counts;
}

/** As `torch.chunk` cuts a batch for DataParallel: pieces of ⌈total/takers⌉, the last short, later takers none. */
function chunked(total: number, shares: readonly number[]): number[] {
  const size = Math.ceil(total / shares.filter((share) => share > 0).length);
  let left = total;
  return shares.map((share) => {
    const count = share > 0 ? Math.min(size, left) : 0;
    left -= count;
    return count;
  });
}

/**
 * Deals images out one by one, each to the rank furthest behind its count. With equal counts this is `DistributedSampler`'s
 * order: image i goes to rank i mod N.
 */
function dealt(images: Uint32Array, counts: readonly number[]): Uint32Array[] {
  const parts = counts.map((count) => new Uint32Array(count));
  const given = counts.map(() => 0);
  images.forEach((image, place) => {
    let rank = 0;
    let behind = Number.NEGATIVE_INFINITY;
    counts.forEach((count, candidate) => {
      const taken = given[candidate] as number;
      // Compared as integers times the length, so that equal counts are exactly equal.
      const debt = count * (place + 1) - taken * images.length;
      if (taken < count && debt > behind) {
        behind = debt;
        rank = candidate;
      }
    });
    (parts[rank] as Uint32Array)[given[rank] as number] = image;
    given[rank] = (given[rank] as number) + 1;
  });
  return parts;
}

const isEqual = (shares: readonly number[]): boolean =>
  new Set(shares.filter((share) => share > 0)).size === 1;

/** Divides these images among the ranks, as the setup does it. */
export function divide(kind: Setup["kind"], images: Uint32Array, shares: readonly number[]): Uint32Array[] {
  if (kind === "ddp") return dealt(images, apportion(images.length, shares));
  // Of fewer images than ranks the first ranks take one each, whatever the shares: a step of the master's without any has no end.
  const few = images.length < shares.filter((share) => share > 0).length;
  const counts = few || isEqual(shares) ? chunked(images.length, shares) : apportion(images.length, shares);
  let first = 0;
  return counts.map((count) => {
    first += count;
    return images.subarray(first - count, first);
  });
}

/**
 * The images of step `number` (0-based) of an epoch, by rank. `order` is the epoch's whole order; a step takes `batchSize`
 * images a replica of the setup, whoever of them is left to compute them (share 0: nobody).
 */
export function stepParts(
  { kind, replicas }: Setup,
  order: Uint32Array,
  number: number,
  batchSize: number,
  shares: readonly number[],
): Uint32Array[] {
  const all = kind === "ddp" ? paddedOrder(order, replicas) : order;
  const whole = replicas * batchSize;
  return divide(kind, all.subarray(number * whole, (number + 1) * whole), shares);
}

/**
 * The parts with no image alone in one, where there are two images: one that is takes another from the largest part, or, where
 * that would leave one alone there, the two become one.
 */
export function withoutLone(parts: readonly Uint32Array[]): Uint32Array[] {
  const out = [...parts];
  for (const [rank, part] of parts.entries()) {
    if (part.length !== 1 || out[rank]?.length !== 1) continue;
    const others = out.map(({ length }, each) => (each === rank ? 0 : length));
    const most = Math.max(...others);
    const giver = others.indexOf(most);
    if (most === 0) continue;
    const from = out[giver] as Uint32Array;
    if (most >= 3) {
      out[rank] = Uint32Array.from([...part, ...from.subarray(most - 1)]);
      out[giver] = from.subarray(0, most - 1);
    } else {
      const [lower, upper] = [Math.min(rank, giver), Math.max(rank, giver)];
      out[lower] = Uint32Array.from([...(out[lower] ?? []), ...(out[upper] ?? [])]);
      out[upper] = new Uint32Array();
    }
  }
  return out;
}

/**
 * Images cut into the fewest groups of at most `most`, as even as can be: what one device computes at a time. A group has at
 * least `least` images where there are so many, if it has to be one over `most`.
 */
export function evenGroups(images: Uint32Array, most: number, least = 1): Uint32Array[] {
  const groups = Math.min(Math.ceil(images.length / most), Math.max(1, Math.floor(images.length / least)));
  if (images.length === 0) return [];
  return Array.from({ length: groups }, (_, group) =>
    images.subarray(
      Math.floor((group * images.length) / groups),
      Math.floor(((group + 1) * images.length) / groups),
    ),
  );
}

/** Shares by measured images a second (0: lost): equal where no device is more than a tenth faster than another. */
export function sharesBySpeed(imagesPerSecond: readonly number[]): number[] {
  const present = imagesPerSecond.filter((speed) => speed > 0);
  const slowest = Math.min(...present);
  if (Math.max(...present) <= slowest * (1 + SAME_SPEED))
    return imagesPerSecond.map((speed) => (speed > 0 ? 1 : 0));
  return imagesPerSecond.slice();
}
