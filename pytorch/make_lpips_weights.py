"""Writes the LPIPS v0.1 weights that the lab loads, from the package of LPIPS' authors and torchvision's ImageNet weights.

Run once, with a network: pip install lpips torchvision; python3 pytorch/make_lpips_weights.py alex lpips_alex.safetensors
(or `squeeze`). torchvision downloads the backbone from its own home and checks the hash in the file's name; the heads
come with the package.
"""

import argparse
from pathlib import Path

import torch

from tiny_safetensors import write_file

# The lab's names for the convolutions of torchvision's `features`, by their index.
ALEX_CONVS = {0: "conv1", 3: "conv2", 6: "conv3", 8: "conv4", 10: "conv5"}
SQUEEZE_CONVS = {0: "conv1"}
SQUEEZE_FIRES = (3, 4, 6, 7, 9, 10, 11, 12)


def backbone(network: str, features: torch.nn.Sequential) -> dict[str, torch.Tensor]:
    modules = {name: features[i] for i, name in (ALEX_CONVS if network == "alex" else SQUEEZE_CONVS).items()}
    if network == "squeeze":
        for i in SQUEEZE_FIRES:
            for part in ("squeeze", "expand1x1", "expand3x3"):
                modules[f"fire{i}.{part}"] = getattr(features[i], part)
    return {f"{name}.{kind}": getattr(module, kind) for name, module in modules.items() for kind in ("weight", "bias")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=("alex", "squeeze"))
    parser.add_argument("file", type=Path)
    args = parser.parse_args()

    import lpips
    import torchvision

    models = {"alex": torchvision.models.alexnet, "squeeze": torchvision.models.squeezenet1_1}
    tensors = backbone(args.network, models[args.network](weights="IMAGENET1K_V1").features)
    metric = lpips.LPIPS(net=args.network, version="0.1", verbose=False)
    for i, head in enumerate(metric.lins):
        tensors[f"lin{i}.weight"] = head.model[-1].weight.flatten()
    tensors["shift"] = metric.scaling_layer.shift.flatten()
    tensors["scale"] = metric.scaling_layer.scale.flatten()
    arrays = {name: tensor.detach().float().numpy() for name, tensor in tensors.items()}
    write_file(str(args.file), arrays, {"format": "pt", "network": f"lpips-{args.network} v0.1"})


if __name__ == "__main__":
    main()
