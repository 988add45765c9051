"""Trains a run of the lab on PyTorch: on one processor or GPU, or with DistributedDataParallel on any number of them.

    python3 pytorch/train.py --bundle .                                            one process
    torchrun --standalone --nproc_per_node=4 pytorch/train.py --bundle .           four GPUs of this machine
    torchrun --nnodes=2 --nproc_per_node=8 --rdzv_backend=c10d \\
        --rdzv_endpoint=FIRST_MACHINE:29500 pytorch/train.py --bundle .            two machines with eight GPUs each

`--bundle` is the unpacked folder that the lab saves with "Export for PyTorch". The run follows the lab's own trainer: the same
images, split, order, noise and initial weights. It writes the files of docs/headless.md; the lab imports their folder.
Needs PyTorch 1.13 or later and numpy. Exit codes: 0 done; 2 bad options or data; 1 failed, what was learnt so far is kept.
docs/pytorch.md says more.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bundle import Bundle, Refusal
from processes import Processes
from trainer import Diverged, Trainer


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True, metavar="DIR", help="the unpacked bundle")
    parser.add_argument("--out", metavar="DIR", help="folder for the result (default: `result` in the bundle)")
    parser.add_argument("--steps", type=int, metavar="K", help="stop after K optimiser steps in all")
    parser.add_argument("--trace", action="store_true", help="with --steps: record these steps for replay")
    return parser.parse_args()


def settled_config(bundle: Bundle, arguments: argparse.Namespace, processes: Processes) -> dict:
    """The run config as it is carried out: the steps asked for, and a replica for each process."""
    config = bundle.config
    training, trace = config["training"], config["trace"]
    if arguments.steps is not None:
        if arguments.steps < 1:
            raise Refusal(f"--steps is {arguments.steps}; it must be at least 1.")
        training = {**training, "maxSteps": arguments.steps}
    if arguments.trace:
        if arguments.steps is None:
            raise Refusal("--trace records the steps of --steps: give both.")
        trace = arguments.steps
    setup = "single" if processes.count == 1 else f"ddp:{processes.count}"
    return {**config, "training": training, "trace": trace, "engine": {**config["engine"], "setup": setup}}


def main() -> int:
    arguments = options()
    processes = Processes()
    try:
        bundle = Bundle(arguments.bundle)
        config = settled_config(bundle, arguments, processes)
        out = Path(arguments.out) if arguments.out else bundle.folder / "result"
        if (out / "result.json").exists():
            raise Refusal(f"{out} holds a result already: move it away, or name another folder with --out.")
        with processes:
            Trainer(bundle, config, out, processes).run()
    except Refusal as refusal:
        if processes.is_first:
            print(refusal, file=sys.stderr)
        return 2
    except Diverged as diverged:
        if processes.is_first:
            print(diverged, file=sys.stderr)
        return 1
    if processes.is_first:
        print(out / "result.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
