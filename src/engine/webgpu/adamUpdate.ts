import type { OptimizerState } from "@/contracts/tensors";
import type { ExecutorOptions } from "@/engine/executor";
import type { Target } from "./kernels/kernel";
import { packParameters, unpackParameters } from "./layout";
import type { LossReadback } from "./lossReadback";
import type { LossScale } from "./lossScale";
import { largestBinding } from "./memory";
import { type Holdings, readPermanent, writePermanent } from "./permanents";
import { Program } from "./program";
import { planUpdate } from "./updatePlan";

/** Adam's steps on the device, with the moments and the loss scale that go by them. */
export class AdamUpdate {
  private readonly holdings: Holdings;
  private readonly settings: ExecutorOptions["adam"];
  private readonly program: Program;
  private readonly readback: LossReadback;
  private readonly lossScale: LossScale | null;
  private steps = 0;

  private constructor(
    holdings: Holdings,
    settings: ExecutorOptions["adam"],
    program: Program,
    readback: LossReadback,
    lossScale: LossScale | null,
  ) {
    this.holdings = holdings;
    this.settings = settings;
    this.program = program;
    this.readback = readback;
    this.lossScale = lossScale;
  }

  /** `lossScale`: null in float32. Throws `engine/kernel`. */
  static async create(
    holdings: Holdings,
    options: ExecutorOptions,
    target: Target,
    readback: LossReadback,
    lossScale: LossScale | null,
  ): Promise<AdamUpdate> {
    const { lab, layout, permanents } = holdings;
    const plan = planUpdate(layout.parameterFloats, largestBinding(lab), options, target);
    const program = await Program.create(lab, plan, [], permanents);
    return new AdamUpdate(holdings, options.adam, program, readback, lossScale);
  }

  /**
   * One step with the gradients on the device; resolves to the loss that they are of. A step that meets an overflow is skipped on
   * the device, and does not count here either.
   */
  async step(learningRate: number): Promise<number> {
    this.queue(learningRate);
    const { loss, overflowed } = await this.readback.read();
    if (!this.lossScale) return loss;
    if (overflowed) this.steps -= 1;
    this.lossScale.stepDone(overflowed);
    return loss;
  }

  async readState(): Promise<OptimizerState> {
    const { layout } = this.holdings;
    return {
      step: this.steps,
      ...(this.lossScale ? { lossScale: this.lossScale.state } : {}),
      firstMoments: unpackParameters(layout, await readPermanent(this.holdings, "firstMoments")),
      secondMoments: unpackParameters(layout, await readPermanent(this.holdings, "secondMoments")),
    };
  }

  /** Throws `weights/shape` and then changes nothing. */
  writeState({ step, firstMoments, secondMoments, lossScale }: OptimizerState): void {
    const { layout } = this.holdings;
    const first = packParameters(layout, firstMoments);
    const second = packParameters(layout, secondMoments);
    writePermanent(this.holdings, "firstMoments", first);
    writePermanent(this.holdings, "secondMoments", second);
    this.steps = step;
    this.lossScale?.restore(lossScale);
  }

  private queue(learningRate: number): void {
    const { beta1, beta2 } = this.settings;
    this.steps += 1;
    const stepSize = learningRate / (1 - beta1 ** this.steps);
    const correction = Math.sqrt(1 - beta2 ** this.steps);
    writePermanent(this.holdings, "adamStep", new Float32Array([stepSize, correction, 0, 0]));
    this.program.submit({
      before: (encoder) => encoder.clearBuffer(this.holdings.permanents.overflow),
      after: (encoder) => this.readback.copy(encoder),
    });
  }
}
