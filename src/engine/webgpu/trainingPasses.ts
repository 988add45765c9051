import { LabError } from "@/contracts/failure";
import type { PreparedPrograms, Ready } from "./preparedPrograms";
import type { TrainingPlanOptions } from "./trainingDraft";
import type { TrainingPlan } from "./trainingPlan";

/** One of the passes that a training batch takes. */
export interface Pass {
  /** Its first image of the batch. */
  readonly first: number;
  readonly images: number;
  readonly ready: Ready<TrainingPlan>;
}

type MakePlan = (
  images: number,
  pass: Required<Pick<TrainingPlanOptions, "batchImages" | "accumulate">>,
) => TrainingPlan;

/** A batch in one pass, or, where the device's memory does not suffice, in passes of half, a quarter, … of its images. */
export class TrainingPasses {
  private readonly programs: PreparedPrograms<TrainingPlan>;
  private readonly makePlan: MakePlan;
  /** Images that the device's memory held in one pass, once it did not hold more. */
  private mostImages = Number.POSITIVE_INFINITY;

  constructor(programs: PreparedPrograms<TrainingPlan>, makePlan: MakePlan) {
    this.programs = programs;
    this.makePlan = makePlan;
  }

  /** Throws `engine/out-of-memory` where not even one image fits, `engine/kernel`. */
  async of(images: number): Promise<readonly Pass[]> {
    for (;;) {
      const most = Math.min(images, this.mostImages);
      try {
        return await this.inPassesOf(most, images);
      } catch (error) {
        const isMemory = error instanceof LabError && error.failure.code === "engine/out-of-memory";
        if (!isMemory || most === 1) throw error;
        this.mostImages = Math.ceil(most / 2);
      }
    }
  }

  private async inPassesOf(most: number, images: number): Promise<Pass[]> {
    const passes: Pass[] = [];
    for (let first = 0; first < images; first += most) {
      const count = Math.min(most, images - first);
      const accumulate = first > 0;
      const ready = await this.programs.ready(`${count} of ${images}${accumulate ? " more" : ""}`, () =>
        this.makePlan(count, { batchImages: images, accumulate }),
      );
      passes.push({ first, images: count, ready });
    }
    // One that needed larger buffers took those of the ones before it; now there is room for all.
    return passes.every(({ ready }) => this.programs.holds(ready)) ? passes : this.inPassesOf(most, images);
  }
}

/** Where the pixels of each part lie in an array of images, from `start` on. */
export function placesOf(
  parts: readonly number[],
  start: number,
  pixels: number,
): { readonly from: number; readonly to: number }[] {
  let from = start;
  return parts.map((images) => {
    const place = { from, to: from + images * pixels };
    from = place.to;
    return place;
  });
}

/** What the user should know about how a batch is computed, a sentence each. */
export function notesOf(passes: readonly Pass[], images: number): string[] {
  const [first] = passes;
  const notes: string[] = [];
  const parts = first?.ready.plan.parts.length ?? 1;
  if (first && parts > 1)
    notes.push(
      `Layers of ${first.images} images are larger than a buffer of this device may be, so they are kept in ${parts} parts; only the order of sums differs.`,
    );
  if (first && passes.length > 1)
    notes.push(
      `The device's memory holds ${first.images} of ${images} images, so a step takes ${passes.length} passes whose gradients are added; BatchNorm's statistics are those of each pass instead of the whole batch.`,
    );
  return notes;
}
