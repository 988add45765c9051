import { LabError } from "@/contracts/failure";
import type { StateDict } from "@/contracts/tensors";

interface Moment {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  /** Step of the last checkpoint. */
  readonly savedStep: number;
}

function diverged(what: string, moment: Moment): LabError {
  return new LabError(
    "training/nan-loss",
    `${what} in step ${moment.step} (epoch ${moment.epoch}): training has diverged.`,
    `Start again with a learning rate below ${moment.learningRate}; the checkpoint of step ${moment.savedStep} is kept.`,
  );
}

/** Throws `training/nan-loss` for a loss that is no finite number. */
export function assertFiniteLoss(loss: number, which: "training" | "validation", moment: Moment): void {
  if (Number.isFinite(loss)) return;
  throw diverged(`The ${which} loss became ${Number.isNaN(loss) ? "NaN" : "infinite"}`, moment);
}

/** Throws `training/nan-loss` for weights that are no finite numbers, so that they never replace a good checkpoint. */
export function assertFiniteWeights(weights: StateDict, moment: Moment): void {
  for (const [name, { data }] of weights)
    for (const value of data)
      if (!Number.isFinite(value)) throw diverged(`Weights of ${name} became NaN or infinite`, moment);
}

/** A failure of the device says what is kept. */
export function withKeptCheckpoint(error: unknown, savedStep: number): unknown {
  if (!(error instanceof LabError) || !error.failure.code.startsWith("engine/")) return error;
  const { code, message, remedy } = error.failure;
  return new LabError(
    code,
    message,
    `${remedy} The checkpoint of step ${savedStep} is kept: resume from there.`,
    {
      cause: error,
    },
  );
}
