"""Models for the tests of model/python: the network of test/reference/cnn.py, and others that misbehave."""

import os
import signal
import sys

import torch
from torch import nn
from torch.nn.functional import max_pool2d, relu

from layers import Normalise


class Cnn(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.normalise = Normalise(mean, std)
        self.conv1 = nn.Conv2d(2, 3, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(3)
        self.conv2 = nn.Conv2d(3, 5, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(5)
        self.fc1 = nn.Linear(5 * 3 * 2, 6)
        self.fc2 = nn.Linear(6, 4)

    def forward(self, x):
        x = self.normalise(x)
        x = max_pool2d(relu(self.bn1(self.conv1(x))), 2)
        x = max_pool2d(relu(self.bn2(self.conv2(x))), 2)
        return self.fc2(relu(self.fc1(x.flatten(1))))


def cnn(weights, mean=0.5, std=0.25):
    model = Cnn(mean, std)
    model.load_state_dict(torch.load(weights, map_location="cpu"))
    print("made the model", file=sys.stderr)
    return model


class Dies(Cnn):
    """Kills its process at the first gradient, once for each file `marker`."""

    marker = ""

    def forward(self, x):
        if x.requires_grad and not os.path.exists(self.marker):
            open(self.marker, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)


def dies(weights, marker):
    model = Dies(0.5, 0.25)
    model.load_state_dict(torch.load(weights, map_location="cpu"))
    model.marker = marker
    return model


class Throws(nn.Module):
    def forward(self, x):
        if float(x.max()) == 1:
            raise ValueError("white pixels")
        if float(x.max()) == 0:
            raise RuntimeError("CUDA out of memory")
        return x.flatten(1)[:, :4]


def throws():
    return Throws()


class Detached(nn.Module):
    def forward(self, x):
        return x.detach().flatten(1)[:, :4]


def detached():
    return Detached()


def no_model():
    return 3


def fails():
    raise FileNotFoundError("no such checkpoint")


class Wrong(nn.Module):
    def forward(self, x):
        return x


def wrong():
    return Wrong()


class Exits(nn.Module):
    """Ends the process at white pixels, and gives NaN for black ones."""

    def forward(self, x):
        if (x == 1).all():
            sys.exit("no white pixels")
        return torch.log(x).mean((1, 2, 3))[:, None].expand(-1, 4) * (x != 0).all()


def exits():
    return Exits()


def exits_at_once():
    sys.exit(3)


def waits():
    raise RuntimeError(os.environ["OMP_WAIT_POLICY"])


class Single(nn.Module):
    def forward(self, x):
        return x.mean((1, 2, 3))[:, None]


def single():
    return Single()


class Noisy(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :4] + 0.1 * torch.randn(len(x), 4)


def noisy():
    return Noisy()


class Stubborn(nn.Module):
    """Stays in training mode."""

    def train(self, mode=True):
        return super().train(True)

    def forward(self, x):
        return x.flatten(1)[:, :4]


def stubborn():
    return Stubborn()


class Purifies(nn.Module):
    """Moves its input along a gradient before it classifies it."""

    def forward(self, x):
        with torch.enable_grad():
            y = x.detach().clone().requires_grad_(True)
            (slope,) = torch.autograd.grad((y**2).sum(), y)
        return (x - 0.1 * slope).flatten(1)[:, :4]


def purifies():
    return Purifies()
