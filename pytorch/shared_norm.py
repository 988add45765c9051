"""BatchNorm by the statistics of all processes' images, as `torch.nn.SyncBatchNorm` has it, which needs a GPU a process."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn


class SharedNormalise(torch.autograd.Function):
    """Normalises by mean and biased variance over all processes. [N, C, H, W] -> the same, mean [C], variance [C], values a channel."""

    @staticmethod
    def forward(ctx, x, weight, bias, epsilon):
        values = x.double()
        axes = (0, 2, 3)
        sums = torch.cat([values.sum(axes), values.new_tensor([values.numel() / values.shape[1]])])
        dist.all_reduce(sums)
        count = sums[-1]
        mean = sums[:-1] / count
        centred = values - mean[:, None, None]
        squares = centred.square().sum(axes)
        dist.all_reduce(squares)
        variance = squares / count
        inverse = (variance + epsilon).rsqrt()
        normalised = centred * inverse[:, None, None]
        ctx.save_for_backward(normalised, weight, inverse, count)
        y = normalised * weight[:, None, None] + bias[:, None, None]
        ctx.mark_non_differentiable(mean, variance, count)
        return y.to(x.dtype), mean, variance, count

    @staticmethod
    def backward(ctx, gradient, *_):
        normalised, weight, inverse, count = ctx.saved_tensors
        g = gradient.double()
        axes = (0, 2, 3)
        own = torch.stack([g.sum(axes), (g * normalised).sum(axes)])
        shared = own.clone()
        dist.all_reduce(shared)
        mean, slope = (shared / count)[:, :, None, None]
        dx = (weight * inverse)[:, None, None] * (g - mean - normalised * slope)
        # Each process's own sums: DistributedDataParallel takes their mean, as of all gradients.
        return dx.to(gradient.dtype), own[1].to(weight.dtype), own[0].to(weight.dtype), None


class SharedBatchNorm2d(nn.BatchNorm2d):
    """`BatchNorm2d` whose batch is that of all processes of the default group, in training."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        y, mean, variance, count = SharedNormalise.apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var), self.momentum)
        return y


def share_statistics(network: nn.Module, backend: str) -> nn.Module:
    """The network with every BatchNorm by all processes' statistics: PyTorch's own under NCCL, else the one above."""
    if backend == "nccl":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in network.modules():
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                child.__class__ = SharedBatchNorm2d
    return network
