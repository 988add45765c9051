import type { Outcome } from "@/contracts/failure";
import { toFailure } from "@/contracts/failure";
import type { LpipsConditions } from "@/contracts/lpips";
import type { Lpips } from "./lpips";

/** A batch's images, all [images, size, size]. */
interface Batch {
  readonly images: number;
  readonly clean: Float32Array;
  readonly noisy: Float32Array;
  readonly denoised: Float32Array;
}

/**
 * LPIPS over a test set, batch by batch. A failure ends LPIPS, not the test: the other metrics of a long run are not lost
 * to it. `opened` is disposed with this.
 */
export class TestLpips {
  readonly #opened: Outcome<Lpips>;
  #outcome: Outcome<LpipsConditions>;

  constructor(opened: Outcome<Lpips>) {
    this.#opened = opened;
    this.#outcome = opened.ok
      ? { ok: true, value: { network: opened.value.network, engine: opened.value.engine, seconds: 0 } }
      : opened;
  }

  /** Distances of the denoised and the noisy images to the clean ones, [images] each; null once LPIPS has failed. */
  async measure(
    { images, clean, noisy, denoised }: Batch,
    size: number,
  ): Promise<{ readonly denoised: Float32Array; readonly noisy: Float32Array } | null> {
    const found = await this.distances(clean, [denoised, noisy], images, size);
    const [ofDenoised, ofNoisy] = found ?? [];
    return ofDenoised && ofNoisy ? { denoised: ofDenoised, noisy: ofNoisy } : null;
  }

  /** As `Lpips.distances` of square images; null once LPIPS has failed. */
  async distances(
    clean: Float32Array,
    tests: readonly Float32Array[],
    images: number,
    size: number,
  ): Promise<readonly Float32Array[] | null> {
    if (!this.#opened.ok || !this.#outcome.ok) return null;
    const { value } = this.#outcome;
    const begin = performance.now();
    try {
      const found = await this.#opened.value.distances(clean, tests, images, size, size);
      const seconds = value.seconds + (performance.now() - begin) / 1000;
      this.#outcome = { ok: true, value: { ...value, seconds } };
      return found;
    } catch (error) {
      this.#outcome = { ok: false, failure: toFailure(error) };
      return null;
    }
  }

  /** How it was measured so far, or why it was not. */
  outcome(): Outcome<LpipsConditions> {
    return this.#outcome;
  }

  dispose(): void {
    if (this.#opened.ok) this.#opened.value.dispose();
  }
}
