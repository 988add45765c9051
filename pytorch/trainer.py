"""The lab's training loop (src/training/trainer.ts) in PyTorch, for one process or many under DistributedDataParallel."""

from __future__ import annotations

import inspect
import json
import math
import os
import platform
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import result_files as files
import torch
from bundle import Bundle, Refusal
from device_noise import PairMaker
from image_metrics import psnr_db, ssim
from networks import build_network, count_parameters
from processes import Processes
from random_stream import epoch_order, shard_of
from shared_norm import share_statistics
from torch.nn.parallel import DistributedDataParallel
from trace_recorder import TraceRecorder

FIXED_VISIT = 0  # the noise draw of validation and test images, and of training images whose noise is drawn once
SMALLEST_SIZE = 16  # the networks shrink it to one pixel, and BatchNorm has no variance of a single value
STEP_FORWARDS = 3  # a training step is a forward pass and a backward pass of about twice its cost
PROGRESS_SECONDS = 10


class Diverged(Exception):
    """The loss became NaN or infinite."""


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[math.floor(share * (len(values) - 1) + 0.5)] if values else 0.0


def grad_scaler(enabled: bool):
    """PyTorch 2.3 moved it."""
    if hasattr(torch.amp, "GradScaler"):
        return torch.amp.GradScaler("cuda", enabled=enabled)
    return torch.cuda.amp.GradScaler(enabled=enabled)


def local_statistics() -> dict[str, bool]:
    """BatchNorm's statistics stay each replica's own until they are validated, as in the lab. PyTorch 2.13 renamed the option."""
    known = inspect.signature(DistributedDataParallel.__init__).parameters
    return {"forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False}


class Trainer:
    """One run from start to end. Every process makes the same decisions; only the first one writes."""

    def __init__(self, bundle: Bundle, config: dict, out: Path, processes: Processes):
        self.bundle, self.config, self.out, self.processes = bundle, config, out, processes
        training = config["training"]
        self.batch_size: int = training["batchSize"]
        each = math.ceil(len(bundle.train) / processes.count)
        self.synchronised = config["engine"].get("batchNorm") == "synchronised" and processes.count > 1
        if bundle.size == SMALLEST_SIZE and not self.synchronised and (min(self.batch_size, each) == 1 or each % self.batch_size == 1):
            raise Refusal(
                f"{each} training images a process in batches of {self.batch_size} leave one image alone, whose deepest layer is a "
                f"single pixel at {bundle.size}x{bundle.size}: use another batch size or number of processes."
            )
        self.steps_per_epoch = math.ceil(each / self.batch_size)
        self.total_steps = training["epochs"] * self.steps_per_epoch
        if training["maxSteps"] is not None:
            self.total_steps = min(self.total_steps, training["maxSteps"])
        self.pairs = PairMaker(config["noise"], config["seed"], processes.device)
        self.set_precision()
        self.build()
        self.trace = TraceRecorder(config["trace"], processes)
        self.trace.keep("initial", self.network.state_dict())
        self.identity = {
            "id": str(uuid.uuid4()),
            "name": f"{bundle.manifest['name']} on PyTorch",
            "createdAt": int(time.time() * 1000),
        }
        self.step = 0
        self.losses: list[float] = []
        self.step_ms: list[float] = []
        self.images_seen = 0
        self.epochs: list[dict] = []
        self.best: dict = {"epoch": 0, "validationLoss": math.nan}
        self.best_weights: dict[str, torch.Tensor] = {}
        self.epochs_without_improvement = 0

    def set_precision(self) -> None:
        """Mixed: float16 with a loss scale on a GPU, bfloat16 (which needs none) on the processor; both channels-last."""
        device = self.processes.device.type
        self.mixed = self.config["engine"]["precision"] == "mixed"
        self.half = torch.float16 if device == "cuda" else torch.bfloat16
        self.layout = torch.channels_last if self.mixed else torch.contiguous_format
        self.scaler = grad_scaler(self.mixed and device == "cuda")
        # Without this, cuDNN would compute float32 convolutions with 10-bit mantissas.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.processes.device.type, self.half, enabled=self.mixed)

    def build(self) -> None:
        training, device = self.config["training"], self.processes.device
        network = build_network(**self.config["model"])
        try:
            network.load_state_dict(self.bundle.initial_weights())
        except RuntimeError as error:
            raise Refusal(f"initial.safetensors does not fit the network of config.json: {error}") from None
        self.network = network.to(device, memory_format=self.layout)
        if self.synchronised:
            self.network = share_statistics(self.network, self.processes.backend)
        self.model: torch.nn.Module = self.network
        if self.processes.backend is not None:
            self.model = DistributedDataParallel(
                self.network,
                device_ids=[device.index] if device.type == "cuda" else None,
                gradient_as_bucket_view=True,
                **local_statistics(),
            )
        self.optimizer = torch.optim.Adam(
            self.network.parameters(),
            lr=training["learningRate"],
            betas=(training["beta1"], training["beta2"]),
            eps=training["epsilon"],
        )
        self.criterion = torch.nn.L1Loss() if training["loss"] == "l1" else torch.nn.MSELoss()

    def run(self) -> None:
        if self.processes.is_first:
            self.out.mkdir(parents=True, exist_ok=True)
        epoch = 1
        while not self.is_over():
            loss, seconds = self.train_epoch(epoch)
            self.finish_epoch(epoch, loss, seconds)
            epoch += 1
        if self.config["trace"] > self.step:
            self.trace.keep("final", self.network.state_dict())
        self.trace.write(self.out)
        self.load_best()
        self.write(test=self.test(), complete=True)

    def is_over(self) -> bool:
        patience = self.config["training"]["earlyStoppingPatience"]
        return self.step >= self.total_steps or (patience is not None and self.epochs_without_improvement >= patience)

    def batch_of(self, indices: np.ndarray, number: int, visit: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Batch `number` (0-based) of a sequence of images: noisy and clean. The last one may be short."""
        part = indices[number * self.batch_size : (number + 1) * self.batch_size]
        return self.pairs.pairs(self.bundle.read(part), part, visit)

    def train_epoch(self, epoch: int) -> tuple[float, float]:
        """The steps of an epoch; the mean of their losses, and the seconds they took."""
        mine = shard_of(epoch_order(self.bundle.train, self.config["seed"], epoch), self.processes.rank, self.processes.count)
        visit = epoch if self.config["noise"]["draw"] == "fresh" else FIXED_VISIT
        steps = min(self.steps_per_epoch, self.total_steps - self.step)
        first = len(self.losses)
        told = time.perf_counter()
        self.model.train()
        upcoming = None
        for number in range(steps):
            begun = time.perf_counter()
            noisy, clean = upcoming or self.batch_of(mine, number, visit)
            loss = self.train_step(noisy, clean)
            # The next batch is read and gets its noise while the device works.
            if number + 1 < steps:
                upcoming = self.batch_of(mine, number + 1, visit)
            value = loss.item()
            now = time.perf_counter()
            self.step += 1
            self.images_seen += len(noisy)
            self.losses.append(value)
            self.step_ms.append((now - begun) * 1000)
            if not math.isfinite(value):
                self.fail(epoch)
            if self.trace.wants(self.step - 1):
                self.trace.step(noisy, clean, value)
                if self.step == self.config["trace"]:
                    self.trace.keep("final", self.network.state_dict())
            if now - told > PROGRESS_SECONDS:
                told = now
                self.say(f"epoch {epoch}, step {self.step} of {self.total_steps}: loss {value:.5g}")
        return sum(self.losses[first:]) / steps, sum(self.step_ms[first:]) / 1000

    def train_step(self, noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """Forward, backward (gradients averaged over the replicas), one step of Adam; the mean of the replicas' losses."""
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast():
            output = self.model(noisy.to(memory_format=self.layout))
        loss = self.criterion(output.float(), clean)
        self.scaler.scale(loss).backward()
        if self.step == 0 and self.trace.wants(0):
            self.scaler.unscale_(self.optimizer)
            self.trace.keep("gradients", {name: p.grad for name, p in self.network.named_parameters()})
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return self.processes.sum(loss.detach().double()) / self.processes.count

    @torch.no_grad()
    def measure(self, indices: np.ndarray) -> tuple[float, np.ndarray]:
        """The network as it is on images with their fixed noise: the mean of the batch losses, and [images, 4] metrics.

        The batches are dealt to the processes; all measure the first one's weights and statistics. The metrics are PSNR and
        SSIM, denoised and then noisy.
        """
        self.network.eval()
        for buffer in self.network.buffers():
            self.processes.broadcast(buffer)
        batches = math.ceil(len(indices) / self.batch_size)
        device = self.processes.device
        losses = torch.zeros(batches, dtype=torch.float64, device=device)
        metrics = torch.zeros(len(indices), 4, dtype=torch.float64, device=device)
        for number in range(self.processes.rank, batches, self.processes.count):
            noisy, clean = self.batch_of(indices, number, FIXED_VISIT)
            with self.autocast():
                output = self.network(noisy.to(memory_format=self.layout))
            output = output.float()
            difference = output.double() - clean.double()
            losses[number] = (difference.abs() if self.config["training"]["loss"] == "l1" else difference.square()).mean()
            columns = (psnr_db(output, clean), ssim(output, clean), psnr_db(noisy, clean), ssim(noisy, clean))
            metrics[number * self.batch_size :][: len(noisy)] = torch.stack(columns, dim=1)
        # Each value is one process's and zero in the others, so the sum is exact.
        return self.processes.sum(losses).mean().item(), self.processes.sum(metrics).cpu().numpy()

    def finish_epoch(self, epoch: int, train_loss: float, train_seconds: float) -> None:
        """Validates, keeps the best weights, writes what is known so far."""
        begun = time.perf_counter()
        loss, metrics = self.measure(self.bundle.validation)
        seconds = time.perf_counter() - begun
        psnr, similarity = metrics[:, 0].mean().item(), metrics[:, 1].mean().item()
        self.epochs.append(
            {
                "epoch": epoch,
                "step": self.step,
                "trainLoss": train_loss,
                "validationLoss": loss,
                "validationPsnrDb": psnr,
                "validationSsim": similarity,
                "seconds": train_seconds + seconds,
                "validationSeconds": seconds,
            }
        )
        if not math.isfinite(loss):
            self.fail(epoch)
        improved = self.best["epoch"] == 0 or loss < self.best["validationLoss"]
        self.epochs_without_improvement = 0 if improved else self.epochs_without_improvement + 1
        if improved:
            self.best = {"epoch": epoch, "validationLoss": loss}
            self.best_weights = {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}
            self.write_weights("model.safetensors", "best", self.best_weights)
        self.write_weights("last.safetensors", "last", self.network.state_dict())
        self.write(test=None, complete=False)
        rate = self.images_seen * self.processes.count / max(sum(self.step_ms) / 1000, 1e-9)
        self.say(
            f"epoch {epoch} of {self.config['training']['epochs']}, step {self.step} of {self.total_steps}: loss {train_loss:.5g}, "
            f"validation {loss:.5g}, PSNR {psnr:.2f} dB, SSIM {similarity:.4f}, {rate:.1f} images/s"
        )

    def load_best(self) -> None:
        """Every process has measured the same, so each holds the best weights."""
        self.network.load_state_dict(self.best_weights)

    def test(self) -> dict:
        """Measures the test images; writes one row an image."""
        _, metrics = self.measure(self.bundle.test)
        names = ("psnrDb", "ssim", "noisyPsnrDb", "noisySsim")
        images = [
            {"index": int(index), "contentHash": self.bundle.images[index]["contentHash"], **dict(zip(names, row.tolist()))}
            for index, row in zip(self.bundle.test, metrics)
        ]
        if self.processes.is_first:
            files.write_images(self.out, images)
        return files.summary_of(images)

    def fail(self, epoch: int) -> None:
        kept = f"the weights of epoch {epoch - 1} are kept" if epoch > 1 else "no epoch was finished"
        failure = {
            "code": "training/nan-loss",
            "message": f"The loss became NaN or infinite in step {self.step} (epoch {epoch}): training has diverged.",
            "remedy": f"Start again with a learning rate below {self.config['training']['learningRate']}; {kept}.",
        }
        self.write(test=None, complete=False, failure=failure)
        raise Diverged(f"{failure['code']}: {failure['message']} {failure['remedy']}")

    def say(self, line: str) -> None:
        if self.processes.is_first:
            print(line, file=sys.stderr, flush=True)

    def write_weights(self, file: str, kind: str, weights: dict[str, torch.Tensor]) -> None:
        if self.processes.is_first:
            metadata = {"format": "pt", "weights": kind, "run": self.identity["name"], "config": json.dumps(self.config)}
            files.write_weights(self.out / file, weights, metadata)

    def write(self, test: dict | None, complete: bool, failure: dict | None = None) -> None:
        """`result.json` and the tables, as far as the run has come."""
        result = self.result(test, complete)
        if not self.processes.is_first:
            return
        files.write_epochs(self.out, self.epochs)
        files.write_steps(self.out, self.losses, self.step_ms)
        files.write_result(self.out, result if failure is None else {**result, "failure": failure})

    def result(self, test: dict | None, complete: bool) -> dict:
        processes, manifest = self.processes, self.bundle.manifest
        on_gpu = processes.device.type == "cuda"
        train_seconds = sum(self.step_ms) / 1000
        peak = float(torch.cuda.max_memory_allocated()) if on_gpu else math.nan
        replicas = processes.gather(
            {
                "adapter": processes.device_name(),
                "shared": processes.shared,
                "images": self.images_seen,
                "computeMs": train_seconds * 1000,
                # DDP exchanges gradients while the backward pass goes on: the time of either alone is not measured.
                "exchangeMs": 0 if processes.count == 1 else math.nan,
                "peak": peak,
            }
        )
        images_per_second = sum(replica["images"] for replica in replicas) / train_seconds if train_seconds > 0 else 0.0
        gflops = manifest["model"]["forwardGflopsPerImage"]
        return {
            "run": self.identity,
            "config": self.config,
            "environment": {
                "adapter": processes.adapter(),
                "features": self.features(),
                "limits": {},
                "userAgent": f"PyTorch {torch.__version__}, Python {platform.python_version()}, {platform.system()}",
                "cores": os.cpu_count() or 0,
                "commit": manifest["commit"],
            },
            "model": {"parameters": count_parameters(self.network), "forwardGflopsPerImage": gflops},
            "dataset": {
                **manifest["dataset"],
                "images": len(self.bundle.images),
                "train": len(self.bundle.train),
                "validation": len(self.bundle.validation),
                "test": len(self.bundle.test),
            },
            "engine": {"name": "pytorch-cuda" if on_gpu else "pytorch-cpu", "timingsMs": {}},
            "timing": {
                "trainSeconds": train_seconds,
                "validationSeconds": sum(epoch["validationSeconds"] for epoch in self.epochs),
                "trainImagesPerSecond": images_per_second,
                "stepMsMedian": percentile(self.step_ms, 0.5),
                "stepMsP95": percentile(self.step_ms, 0.95),
                "achievedGflops": STEP_FORWARDS * gflops * images_per_second,
            },
            "memory": {"deviceBytesPeak": max(replica.pop("peak") for replica in replicas)},
            "epochs": self.epochs,
            "best": self.best,
            "test": test,
            "replicas": replicas,
            "recoveries": [],
            "complete": complete,
            # Nobody counts what a process of PyTorch sends, as the headless driver does in a browser.
            "network": {"externalRequests": None},
        }

    def features(self) -> list[str]:
        """What it ran on and how, where the lab lists a GPU's features."""
        found = [f"torch {torch.__version__}"]
        if self.processes.device.type == "cuda":
            found += [f"cuda {torch.version.cuda}", f"cudnn {torch.backends.cudnn.version()}"]
        if self.processes.backend is not None:
            found.append(f"DistributedDataParallel, {self.processes.backend}")
        if self.synchronised:
            found.append("synchronised BatchNorm")
        if self.mixed:
            found += [f"autocast {str(self.half).removeprefix('torch.')}", "channels_last"]
        return found
