import type { LossScaleState } from "@/contracts/tensors";

/** As `torch.cuda.amp.GradScaler` does by default. */
const START = 2 ** 16;
const GOOD_STEPS = 2000;

/**
 * The dynamic loss scale of mixed precision: gradients are computed of the loss times `scale`, so that small ones are not lost
 * in halves. It doubles after 2,000 good steps in a row and halves when gradients overflow, whose step is skipped. Powers of
 * two: scaling and unscaling change no bit of what neither overflows nor vanishes.
 */
export class LossScale {
  private current: LossScaleState = { scale: START, goodSteps: 0 };

  get scale(): number {
    return this.current.scale;
  }

  get state(): LossScaleState {
    return this.current;
  }

  restore(state: LossScaleState | undefined): void {
    this.current = state ?? { scale: START, goodSteps: 0 };
  }

  stepDone(overflowed: boolean): void {
    const { scale, goodSteps } = this.current;
    if (overflowed) this.current = { scale: scale / 2, goodSteps: 0 };
    else if (goodSteps + 1 === GOOD_STEPS) this.current = { scale: scale * 2, goodSteps: 0 };
    else this.current = { scale, goodSteps: goodSteps + 1 };
  }
}
