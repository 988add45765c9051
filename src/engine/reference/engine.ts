import type { Engine } from "../executor";
import { ReferenceExecutor } from "./executor";

/** The oracle of the tests: slow, in float64, one file per operation, nothing clever. Runs anywhere. */
export const referenceEngine: Engine = {
  name: "reference",
  unavailable: async () => null,
  create: async (options) => new ReferenceExecutor(options),
};
