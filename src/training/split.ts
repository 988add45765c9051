import { LabError } from "@/contracts/failure";
import { PURPOSE, RandomStream } from "@/contracts/random";

/** Dataset indices of each part, ascending. */
export interface Split {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  readonly test: Uint32Array;
}

export interface SplitRequest {
  /** Patient of each image used; its length is the number of images. */
  readonly patientKeys: readonly string[];
  /** Shares of training, validation and test images; they add up to 1. */
  readonly shares: readonly [number, number, number];
  readonly by: "patient" | "image";
  readonly seed: number;
}

/**
 * Splits images into training, validation and test. By image: a seeded permutation cut at floor(share·n), the rest to
 * the test. By patient: patients in seeded order, each part filled until its image count is closest to its share; no
 * patient is on two sides. Every part gets at least one image (patient). Fails with `data/too-few`.
 */
export function splitDataset(request: SplitRequest): Split {
  return request.by === "image" ? byImage(request) : byPatient(request);
}

function byImage({ patientKeys, shares, seed }: SplitRequest): Split {
  const images = patientKeys.length;
  if (images < 3) throw tooFewImages(images);
  const order = new RandomStream(seed, PURPOSE.split).permutation(images);
  const train = clamp(Math.floor(shares[0] * images), 1, images - 2);
  const validation = clamp(Math.floor(shares[1] * images), 1, images - train - 1);
  return {
    train: order.slice(0, train).sort(),
    validation: order.slice(train, train + validation).sort(),
    test: order.slice(train + validation).sort(),
  };
}

function byPatient({ patientKeys, shares, seed }: SplitRequest): Split {
  const images = patientKeys.length;
  const patients = new Map<string, number[]>();
  patientKeys.forEach((key, index) => {
    const own = patients.get(key);
    if (own) own.push(index);
    else patients.set(key, [index]);
  });
  if (images < 3) throw tooFewImages(images);
  if (patients.size < 3) throw tooFewPatients(patients.size, images);
  const groups = [...patients.values()];
  const order = Array.from(
    new RandomStream(seed, PURPOSE.split).permutation(groups.length),
    (patient) => groups[patient] as number[],
  );
  const trainEnd = cut(order, 0, shares[0] * images, order.length - 2);
  const validationEnd = cut(order, trainEnd, shares[1] * images, order.length - 1);
  const part = (from: number, to: number) => Uint32Array.from(order.slice(from, to).flat()).sort();
  return {
    train: part(0, trainEnd),
    validation: part(trainEnd, validationEnd),
    test: part(validationEnd, order.length),
  };
}

/** Where the part that begins at `from` ends: after at least one group, at most at `last`, closest to `target` images. */
function cut(groups: readonly number[][], from: number, target: number, last: number): number {
  let count = (groups[from] as number[]).length;
  let end = from + 1;
  while (end < last) {
    const next = count + (groups[end] as number[]).length;
    if (Math.abs(next - target) >= Math.abs(count - target)) break;
    count = next;
    end++;
  }
  return end;
}

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

function tooFewImages(images: number): LabError {
  const found = images === 1 ? "only one image" : `${images} images`;
  return new LabError(
    "data/too-few",
    `The dataset has ${found}; a run needs at least one each for training, validation and test.`,
    "Import at least 3 images.",
  );
}

function tooFewPatients(patients: number, images: number): LabError {
  const whose = patients === 1 ? "one patient" : `${patients} patients`;
  return new LabError(
    "data/too-few",
    `All ${images} images are of ${whose}; a split by patient needs at least three.`,
    "Split by image instead, or import images of more patients.",
  );
}
