import { type RunConfig, setupOf } from "./runConfig";

/**
 * The one command that trains an exported bundle, from its folder: a process for each replica. PyTorch trains `dp:N` with
 * DistributedDataParallel too.
 */
export function trainingCommand(config: RunConfig): string {
  const { replicas } = setupOf(config);
  return replicas === 1
    ? "python3 pytorch/train.py --bundle ."
    : `torchrun --standalone --nproc_per_node=${replicas} pytorch/train.py --bundle .`;
}
