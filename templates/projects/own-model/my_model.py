"""The network: `python my_model.py` exports it to mine.onnx, and model/python calls make()."""

import torch


class Normalised(torch.nn.Module):
    """Takes pixels in [0, 1], because attacks bound perturbations in pixels, and normalises them."""

    def __init__(self, network, mean, std):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def forward(self, pixels):
        return self.network((pixels - self.mean) / self.std)


def make(weights=None):
    """Returns a network of images [n, 1, 28, 28] that gives logits [n, 10], without a softmax at the end."""
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(32 * 7 * 7, 10),
    )
    if weights is not None:
        network.load_state_dict(torch.load(weights, weights_only=True))
    return Normalised(network, mean=[0.1307], std=[0.3081]).eval()


if __name__ == "__main__":
    torch.manual_seed(0)  # without weights of its own, the network guesses
    example = (torch.rand(2, 1, 28, 28),)
    torch.onnx.export(make(), example, "mine.onnx", dynamic_shapes=({0: torch.export.Dim("batch")},), dynamo=True)
