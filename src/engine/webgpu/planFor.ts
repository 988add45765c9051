import type { Pass, PlanOptions } from "../tuning";
import { planInference } from "./inferencePlan";
import type { Target } from "./kernels/kernel";
import { layoutOf } from "./layout";
import { lower } from "./lower";
import { Network } from "./network";
import { permanentBytes } from "./permanents";
import type { Plan } from "./plan";
import { planTraining } from "./trainingPlan";

/** The plans of a network at one size, by number of images, without an executor. Throws `shape/…`, `engine/unsupported`. */
export function plansFor(
  { graph, height, width, loss, precision }: PlanOptions,
  pass: Pass,
  target: Target,
): {
  /** Device bytes of an executor beside its plans' slots. */
  readonly permanentBytes: number;
  readonly planAt: (images: number) => Plan;
} {
  const lowered = lower(graph, height, width);
  const layout = layoutOf(lowered);
  const storage = precision === "mixed" ? "f16" : "f32";
  return {
    permanentBytes: permanentBytes(layout),
    planAt: (images) => {
      const network = new Network(lowered, layout, images, storage);
      return pass === "training" ? planTraining(network, { loss }, target) : planInference(network, target);
    },
  };
}
