"""Training-step and inference times of the study's networks in PyTorch, to stand beside the lab's engine on the same device.

    python3 pytorch/speed.py --model unet --width 64 --size 256 --images 16 --mode f32 tf32 amp

`f32`: float32 without TF32. `tf32`: with it. `amp`: autocast to float16 with a GradScaler, channels_last. Adam, mean
absolute error, random images; cuDNN may search for its fastest kernels. Times are of whole steps, the device waited for after
each, as the lab's are. One JSON object on the last line.
"""

import argparse
import json
import statistics
import time

import torch

from networks import build_network


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def times_ms(mode: str, arguments: argparse.Namespace, device: torch.device) -> dict:
    """Milliseconds of `rounds` steps after `warm_up` that do not count, and the peak of allocated bytes."""
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = mode != "f32"
    torch.backends.cudnn.allow_tf32 = mode != "f32"
    torch.backends.cudnn.benchmark = True
    layout = torch.channels_last if mode == "amp" else torch.contiguous_format
    network = build_network(arguments.model, arguments.width).to(device, memory_format=layout)
    shape = (arguments.images, 1, arguments.size, arguments.size)
    clean = torch.rand(shape, device=device).to(memory_format=layout)
    noisy = clean + 0.1 * torch.randn(shape, device=device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    amp = mode == "amp" and device.type == "cuda"
    # Off on a processor, where some versions refuse to be told of float16 even so.
    half = torch.float16 if device.type == "cuda" else torch.bfloat16
    scaler = torch.cuda.amp.GradScaler(enabled=amp)

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, half, enabled=amp):
            loss = torch.nn.functional.l1_loss(network(noisy), clean)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        loss.item()

    @torch.no_grad()
    def infer() -> None:
        with torch.autocast(device.type, half, enabled=amp):
            network(noisy).float().cpu()

    if arguments.infer:
        network.eval()
    step = infer if arguments.infer else train
    for _ in range(arguments.warm_up):
        step()
    synchronize(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    found = []
    for _ in range(arguments.rounds):
        start = time.perf_counter()
        step()
        synchronize(device)
        found.append(1000 * (time.perf_counter() - start))
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
    return {"ms": found, "medianMs": statistics.median(found), "peakBytes": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=["unet", "unetpp", "dncnn"], default="unet")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves PyTorch's choice")
    parser.add_argument("--infer", action="store_true", help="a forward pass instead of a training step")
    parser.add_argument("--mode", nargs="+", choices=["f32", "tf32", "amp"], default=["f32"])
    arguments = parser.parse_args()
    if arguments.threads > 0:
        torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    modes = {mode: times_ms(mode, arguments, device) for mode in arguments.mode}
    print(json.dumps({"torch": torch.__version__, "device": name, "modes": modes}))


if __name__ == "__main__":
    main()
