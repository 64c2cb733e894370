"""Writes crop.json: crops resized by torch's bilinear interpolate, which torchvision's tensor `resize` calls.

Antialiasing acts on shrinking only; the script holds torch to that. The image is i ↦ ((37 y + 91 x + 13 c) mod 256) / 255.
"""
import json
from pathlib import Path

import torch
from torch.nn.functional import interpolate

cases = []
for height, width, size, down, across in [(8, 8, 3, 2, 4), (10, 7, 7, 3, 0), (6, 6, 6, 0, 0), (9, 9, 1, 5, 8), (14, 14, 5, 9, 9)]:
    y, x, c = torch.meshgrid(torch.arange(height), torch.arange(width), torch.arange(3), indexing="ij")
    image = (((37 * y + 91 * x + 13 * c) % 256) / 255.0).permute(2, 0, 1)[None].float()
    crop = image[:, :, down : down + size, across : across + size]
    resized = interpolate(crop, size=(height, width), mode="bilinear", align_corners=False)
    antialiased = interpolate(crop, size=(height, width), mode="bilinear", align_corners=False, antialias=True)
    assert (resized - antialiased).abs().max() < 1e-5
    pixels = resized[0].permute(1, 2, 0).flatten()
    cases.append(
        {"height": height, "width": width, "size": size, "down": down, "across": across, "resized": [round(v, 7) for v in pixels.tolist()]}
    )
out = Path(__file__).with_suffix(".json")
out.write_text(json.dumps({"torch": torch.__version__, "cases": cases}, separators=(",", ":")) + "\n")
