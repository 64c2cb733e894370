"""A tiny network with the names and the structure of model/cnn, trained by nobody: its PyTorch file, an image and its logits,
for test/stages/cnn-weights.test.ts.

    pip install torch==2.13.0 && python test/reference/cnn.py
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import max_pool2d, relu

FOLDER = Path(__file__).parent


class Cnn(nn.Module):
    """filters: [3, 5], batchNorm: true, dense: [6], classes: 4 on images of 12 x 8 pixels and 2 channels."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 3, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(3)
        self.conv2 = nn.Conv2d(3, 5, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(5)
        self.fc1 = nn.Linear(5 * 3 * 2, 6)
        self.fc2 = nn.Linear(6, 4)

    def forward(self, x):
        x = max_pool2d(relu(self.bn1(self.conv1(x))), 2)
        x = max_pool2d(relu(self.bn2(self.conv2(x))), 2)
        return self.fc2(relu(self.fc1(x.flatten(1))))


if __name__ == "__main__":
    torch.manual_seed(4)
    model = Cnn()
    with torch.no_grad():
        for norm in (model.bn1, model.bn2):
            for part in (norm.weight, norm.running_var):
                part.uniform_(0.5, 2)
            for part in (norm.bias, norm.running_mean):
                part.uniform_(-0.5, 0.5)
        model.eval()
        image = torch.randint(0, 256, (1, 2, 12, 8))
        logits = model((image / 255 - 0.5) / 0.25)
    torch.save(model.state_dict(), FOLDER / "weight-files" / "cnn.pth")
    table = {
        "torch": torch.__version__,
        "pixels": image.permute(0, 2, 3, 1).flatten().tolist(),
        "logits": logits.flatten().tolist(),
    }
    (FOLDER / "cnn.json").write_text(json.dumps(table) + "\n")
