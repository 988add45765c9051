import { addBackward } from "./backward";
import { addForward } from "./forward";
import type { Target } from "./kernels/kernel";
import type { Network, PartTensors } from "./network";
import type { Plan } from "./plan";
import { type PlannedExchange, TrainingDraft, type TrainingPlanOptions } from "./trainingDraft";
import { addHeadBackward, addHeadLoss, addResidualLoss } from "./trainingLoss";
import { addNormBackward, addNormForward } from "./trainingNorm";

export interface TrainingPlan extends Plan {
  /** Images of each part, in order. */
  readonly parts: readonly number[];
  /** Tensors by part, uploaded before: f32 [N, H, W]. */
  readonly noisy: readonly number[];
  readonly clean: readonly number[];
  /** Dispatches of the forward pass, the loss included. */
  readonly forwardDispatches: number;
  /** Where the pass waits for the statistics of all replicas; none: it goes by its own. */
  readonly exchanges: readonly PlannedExchange[];
}

/** Forward in training mode, loss, and backward into the flat gradient buffer. */
export function planTraining(network: Network, options: TrainingPlanOptions, target: Target): TrainingPlan {
  const draft = new TrainingDraft(network, options, target);
  const { builder, exchanges } = draft;
  const { input, stages } = network.lowered;
  const noisy = network.tensors(builder, input, "noisy", true);
  const clean = network.tensors(builder, input, "clean", true);
  draft.stored.set(input, noisy);
  let outputGradients: PartTensors = [];
  for (const stage of stages) {
    if (stage.op === "norm") addNormForward(draft, stage);
    else if (stage.op === "head") outputGradients = addHeadLoss(draft, stage, clean);
    else if (stage.op === "residual") addResidualLoss(draft, stage, noisy, clean);
    else addForward(builder, network, draft.stored, stage, target);
  }
  const forwardDispatches = builder.dispatchCount;
  for (const stage of stages.toReversed()) {
    // A residual's loss has written its gradient already.
    if (stage.op === "norm") addNormBackward(draft, stage);
    else if (stage.op === "head") addHeadBackward(draft, stage, outputGradients);
    else if (stage.op !== "residual") addBackward(draft, stage);
  }
  return {
    ...builder.finish(),
    parts: network.parts,
    noisy: noisy.map(({ tensor }) => tensor),
    clean: clean.map(({ tensor }) => tensor),
    forwardDispatches,
    exchanges,
    stops: exchanges.map(({ after }) => after),
  };
}
