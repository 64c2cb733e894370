"""Logits of the published EfficientNet-Lite networks, computed by the package that they were published for.

Writes efficientnet-lite.json beside this file: the first 20 logits of a made-up image, and their sum over all classes. The
weights are those of `ravelin weights fetch efficientnet-lite0` and so on, in the folder that is given. Made with torch 2.13.0
(CPU) and efficientnet-lite-pytorch 0.1.0:

    pip install torch==2.13.0 numpy && pip install --no-deps efficientnet-lite-pytorch==0.1.0
    python test/reference/efficientnet_lite.py FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

from architectures import made_up

expected = {}
for scale, size in enumerate((224, 240, 260)):
    name = f"efficientnet-lite{scale}"
    model = EfficientNet.from_pretrained(name, weights_path=str(Path(sys.argv[1], f"{name}.pth"))).eval().double()
    image = torch.from_numpy(made_up("image", size * size * 3).astype(np.float32).reshape(1, size, size, 3)).double()
    with torch.no_grad():
        logits = model((image.permute(0, 3, 1, 2) - 127 / 255) / (128 / 255))[0]
    expected[name] = {
        "size": size,
        "logits": [float(f"{value:.7g}") for value in logits[:20].tolist()],
        "sum": float(logits.sum()),
        "class": int(logits.argmax()),
    }
Path(__file__).with_name("efficientnet-lite.json").write_text(json.dumps(expected, indent=2) + "\n")
