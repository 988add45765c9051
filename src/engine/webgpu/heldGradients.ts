import { LabError } from "@/contracts/failure";
import type { LossScale } from "./lossScale";
import { type Holdings, readPermanent, writePermanent } from "./permanents";

/** The gradients on the device: whether there are any, who wrote them, and the loss scale that they carry. */
export class HeldGradients {
  private readonly holdings: Holdings;
  private readonly lossScale: LossScale | null;
  private carried = 1;
  private present = false;
  /** They came from outside: what no kernel writes must be cleared before the next backward pass. */
  private foreign = false;

  /** `lossScale`: null in float32. */
  constructor(holdings: Holdings, lossScale: LossScale | null) {
    this.holdings = holdings;
    this.lossScale = lossScale;
  }

  /** The loss scale that the gradients held carry; 1 in float32. */
  get scale(): number {
    return this.carried;
  }

  /** A backward pass comes next, and brings gradients of the loss times its scale as it is now. */
  begin(): void {
    this.takeScale();
    if (this.foreign) this.clear();
    this.present = true;
  }

  /** Throws `engine/no-gradients` before the first ones. */
  check(): void {
    if (!this.present)
      throw new LabError(
        "engine/no-gradients",
        "No gradients were computed yet.",
        "Call computeGradients or writeGradients first.",
      );
  }

  /** Of the loss, not scaled, in the device's order. Throws `engine/no-gradients`. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    this.check();
    const flat = await readPermanent(this.holdings, "gradients");
    if (this.carried !== 1) for (const [i, g] of flat.entries()) flat[i] = g / this.carried;
    return flat;
  }

  /** Replaces them, in the same order. */
  write(flat: Float32Array): void {
    this.takeScale();
    const { carried } = this;
    writePermanent(this.holdings, "gradients", carried === 1 ? flat : flat.map((g) => g * carried));
    this.present = true;
    this.foreign = true;
  }

  private takeScale(): void {
    if (!this.lossScale) return;
    const { scale } = this.lossScale;
    this.carried = scale;
    writePermanent(this.holdings, "scaling", new Float32Array([scale, 1 / scale, 0, 0]));
  }

  private clear(): void {
    const { lab, permanents } = this.holdings;
    const encoder = lab.device.createCommandEncoder({ label: "clear gradients" });
    encoder.clearBuffer(permanents.gradients);
    lab.device.queue.submit([encoder.finish()]);
    this.foreign = false;
  }
}
