"""PyTorch's side of network.ts: reads jobs as lines of JSON, answers each with the seconds that one batch took.

python network.py contiguous|channels_last THREADS, with torch 2.13. Weights are random, batch norm is in inference mode.
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and an option-A shortcut, as in the CIFAR ResNets."""

    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outer)
        self.conv2 = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outer)
        self.stride, self.padding = stride, (outer - inner) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.padding:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(y + x)


class Bottleneck(nn.Module):
    def __init__(self, inner, width, stride):
        super().__init__()
        outer = 4 * width
        self.conv1 = nn.Conv2d(inner, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outer, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outer)
        self.down = None
        if stride != 1 or inner != outer:
            self.down = nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.down is None else self.down(x)))


def resnet20():
    layers, inner = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for outer, first in ((16, 1), (32, 2), (64, 2)):
        for index in range(3):
            layers.append(BasicBlock(inner, outer, first if index == 0 else 1))
            inner = outer
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def resnet50():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    inner = 64
    for width, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for index in range(blocks):
            layers.append(Bottleneck(inner, width, first if index == 0 else 1))
            inner = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 10))


def quickstart():
    layers = [nn.Conv2d(1, 8, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def prepare(job, layout):
    """Opens the network of a job with made-up images, and returns what computes one batch."""
    network = {"cifar-resnet20": resnet20, "resnet50": resnet50, "cnn": quickstart}[job["network"]]()
    network = network.to(memory_format=layout)
    channels = 1 if job["network"] == "cnn" else 3
    images = torch.rand(job["batch"], channels, job["size"], job["size"]).to(memory_format=layout)
    labels = torch.arange(job["batch"]) % 10
    if job["kind"] == "training":
        optimizer = torch.optim.SGD(network.train().parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)

        def step():
            optimizer.zero_grad()
            loss = F.cross_entropy(network(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()

        return step
    network.eval().requires_grad_(False)

    def forward():
        with torch.inference_mode():
            network(images)

    def gradient():
        pixels = images.detach().requires_grad_(True)
        F.cross_entropy(network(pixels), labels, reduction="sum").backward()

    return forward if job["kind"] == "forward" else gradient


def main():
    layout = torch.channels_last if sys.argv[1] == "channels_last" else torch.contiguous_format
    torch.set_num_threads(int(sys.argv[2]))
    prepared = {}
    for line in sys.stdin:
        job = json.loads(line)
        if line not in prepared:
            prepared[line] = prepare(job, layout)
        once, repeats = prepared[line], job["repeats"]
        cpu, start = cpu_seconds(), time.perf_counter()
        for _ in range(repeats):
            once()
        wall, cpu = time.perf_counter() - start, cpu_seconds() - cpu
        print(json.dumps({"wall": wall / repeats, "cpu": cpu / repeats}), flush=True)


if __name__ == "__main__":
    main()
