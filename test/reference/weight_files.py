"""Writes the small PyTorch files that the reader of weight files is tested with, into weight-files/ beside this file.

    pip install torch==2.13.0 && python test/reference/weight_files.py
"""

from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import torch

FOLDER = Path(__file__).parent / "weight-files"


class Evil:
    def __reduce__(self):
        import os

        return (os.system, ("touch /tmp/ravelin-was-here",))


def tensors():
    grid = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    return OrderedDict(
        [
            ("float32", grid / 8),
            ("transposed", grid.permute(2, 0, 1)),
            ("part", grid[1, 1:, ::2]),
            ("float64", torch.tensor([0.1, -2.5e30], dtype=torch.float64)),
            ("float16", torch.tensor([0.1, -65504.0, 6e-8, float("inf")], dtype=torch.float16)),
            ("bfloat16", torch.tensor([0.1, -3e38, 1e-40], dtype=torch.bfloat16)),
            ("int64", torch.tensor(2**40)),
            ("parameter", torch.nn.Parameter(torch.tensor([1.5]))),
            ("empty", torch.zeros(0, 3)),
        ]
    )


def checkpoints():
    """What training scripts write: the weights of fc somewhere in it."""
    net = OrderedDict([("fc.weight", torch.tensor([[1.0, 2.0]])), ("fc.bias", torch.tensor([3.0]))])
    before = lambda prefix: {prefix + name: tensor for name, tensor in net.items()}
    moments = {"state": {0: {"exp_avg": torch.ones(1)}}, "param_groups": [{"lr": 0.1}]}
    return {
        "compiled": before("_orig_mod."),
        "lightning": {"state_dict": before("model."), "optimizer_states": [moments], "epoch": 3},
        "both": {"model": before("module._orig_mod.")},
        "averaged": {"n_averaged": torch.tensor(5), **before("module.")},
        "deep": {"model": {"state_dict": net}, "optimizer": moments},
        "params": {"params": net, "optimizer": moments},
        "two": {"student": net, "teacher": net},
        "none": {"epoch": 3, "accuracy": 0.5},
        "tensor": torch.ones(2),
        "whole": torch.nn.Linear(2, 1),
        "arguments": {"state_dict": net, "args": Namespace(lr=0.1)},
        "sparse": {"fc.weight": net["fc.weight"].to_sparse()},
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.save(tensors(), FOLDER / "zip.pth")
    torch.save(tensors(), FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
    nested = {"epoch": 3, "best": 0.5, "state_dict": {f"module.{k}": v for k, v in tensors().items()}, "lr": None}
    torch.save(nested, FOLDER / "nested.pth")
    torch.save({"weight": torch.ones(1), "evil": Evil()}, FOLDER / "evil.pth")
    torch.save({"weight": torch.ones(1), "evil": Evil()}, FOLDER / "evil-legacy.pth", _use_new_zipfile_serialization=False)
    (FOLDER / "checkpoints").mkdir(exist_ok=True)
    for name, value in checkpoints().items():
        torch.save(value, FOLDER / "checkpoints" / f"{name}.pth")
