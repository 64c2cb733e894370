"""WideResNet (Zagoruyko and Komodakis 2016) in the form of RobustBench, for other scripts."""

import torch
import torch.nn.functional as F
from torch import nn


class WideBlock(nn.Module):
    """Pre-activation block of WideResNet as RobustBench has it (Zagoruyko and Komodakis 2016)."""

    def __init__(self, inputs, outputs, stride, activation):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.act1 = activation()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.act2 = activation()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.short = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, 0, bias=False)

    def forward(self, x):
        y = self.act1(self.bn1(x))
        z = self.conv2(self.act2(self.bn2(self.conv1(y))))
        return torch.add(x if self.short is None else self.short(y), z)


class WideResNet(nn.Module):
    """CIFAR-10 network of 10 classes, with the normalisation of the pixels inside, as models of RobustBench have."""

    def __init__(self, depth, width, activation=nn.ReLU):
        super().__init__()
        self.register_buffer("mu", torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1))
        self.register_buffer("sigma", torch.tensor([0.2471, 0.2435, 0.2616]).view(1, 3, 1, 1))
        channels = [16, 16 * width, 32 * width, 64 * width]
        blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(3, channels[0], 3, 1, 1, bias=False)
        layers = []
        for group in range(3):
            for block in range(blocks):
                inputs = channels[group] if block == 0 else channels[group + 1]
                stride = 2 if block == 0 and group > 0 else 1
                layers.append(WideBlock(inputs, channels[group + 1], stride, activation))
        self.layers = nn.Sequential(*layers)
        self.bn = nn.BatchNorm2d(channels[3])
        self.act = activation()
        self.fc = nn.Linear(channels[3], 10)
        self.features = channels[3]

    def forward(self, x):
        x = (x - self.mu) / self.sigma
        x = self.act(self.bn(self.layers(self.conv1(x))))
        x = F.avg_pool2d(x, 8)
        return self.fc(x.view(-1, self.features))
