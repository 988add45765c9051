/** Replicas that a setup asks for: 1 for `single`, N for `dp:N` and `ddp:N`. */
export function replicasOf(setup: string): number {
  return setup === "single" ? 1 : Number(setup.split(":")[1]);
}

/**
 * The one command that trains an exported bundle, from its folder: a process for each replica. PyTorch trains `dp:N` with
 * DistributedDataParallel too.
 */
export function trainingCommand(setup: string): string {
  const replicas = replicasOf(setup);
  return replicas === 1
    ? "python3 pytorch/train.py --bundle ."
    : `torchrun --standalone --nproc_per_node=${replicas} pytorch/train.py --bundle .`;
}
