import type { StateDict } from "@/contracts/tensors";
import { assembleWeights, packParameters, packRunning, unpackParameters } from "./layout";
import { type Holdings, readPermanent, writePermanent } from "./permanents";

/** The weights on the device: trainable parameters and BatchNorm's running statistics, with the batches that these have seen. */
export class HeldWeights {
  private readonly holdings: Holdings;
  /** By BatchNorm. */
  private readonly batchesTracked = new Map<string, number>();

  constructor(holdings: Holdings) {
    this.holdings = holdings;
  }

  /** The whole state dict. */
  async read(): Promise<StateDict> {
    const { layout } = this.holdings;
    const parameters = unpackParameters(layout, await readPermanent(this.holdings, "parameters"));
    const running = await readPermanent(this.holdings, "running");
    return assembleWeights(layout, parameters, running, this.batchesTracked);
  }

  /** Throws `weights/shape` and then changes nothing. */
  write(weights: StateDict): void {
    const { layout } = this.holdings;
    const parameters = packParameters(layout, weights);
    const running = packRunning(layout, weights);
    writePermanent(this.holdings, "parameters", parameters);
    writePermanent(this.holdings, "running", running);
    for (const name of layout.norms.keys())
      this.batchesTracked.set(name, weights.get(`${name}.num_batches_tracked`)?.data[0] ?? 0);
  }

  /** The running statistics have moved by so many batches. */
  countBatches(count: number): void {
    for (const name of this.holdings.layout.norms.keys())
      this.batchesTracked.set(name, (this.batchesTracked.get(name) ?? 0) + count);
  }
}
