import { describe, expect, it } from "vitest";
import { checkGradients, checkSameBits, checkTraining, type Tolerances } from "../engineChecks";
import { FIXTURE_NAMES } from "../fixtures";
import { tfjsEngine } from "./engine";

const TOLERANCES: Tolerances = { losses: 1e-4, gradients: 1e-3, final: 1e-2, inferred: 1e-4 };
const engine = tfjsEngine("wasm");

describe.each(FIXTURE_NAMES)("tfjs-wasm against PyTorch: %s", (name) => {
  it("has the gradients of the first step", () => checkGradients(engine, name, TOLERANCES));
  it("has the losses of 20 steps and the final weights", () => checkTraining(engine, name, TOLERANCES));
});
describe("tfjs-wasm", () => {
  it("gives the same bits twice", () => checkSameBits(engine, "unet", 5));
  it("exists", () => expect(engine.name).toBe("tfjs-wasm"));
});
