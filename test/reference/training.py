"""Writes training.json by torch: objectives of training with the gradients of their logits, and resized windows.

Cross-entropy with label smoothing is torch's own. The loss of TRADES is cross-entropy plus beta / n times the sum of
F.kl_div(log_softmax(z'), softmax(z)), as its authors write it. Windows of the image of crop.py are resized by the
bilinear interpolate that torchvision's resized_crop calls.
"""
import json
from pathlib import Path

import torch
import torch.nn.functional as F

torch.manual_seed(1)


def rounded(tensor):
    return [round(value, 7) for value in tensor.flatten().tolist()]


objectives = []
for smoothing, beta, scale in [(0.0, 0.0, 1.0), (0.1, 0.0, 3.0), (0.0, 6.0, 1.0), (0.2, 1.5, 4.0)]:
    logits = (scale * torch.randn(6, 4)).requires_grad_()
    counterparts = (logits.detach() + 0.7 * torch.randn(6, 4)).requires_grad_()
    labels = torch.tensor([0, 3, 1, 2, 2, 0])
    loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    if beta > 0:
        divergence = F.kl_div(F.log_softmax(counterparts, 1), F.softmax(logits, 1), reduction="sum") / len(labels)
        loss = loss + beta * divergence
    loss.backward()
    objectives.append(
        {
            "labelSmoothing": smoothing,
            "divergence": beta,
            "logits": rounded(logits.detach()),
            "counterparts": rounded(counterparts.detach()),
            "labels": labels.tolist(),
            "loss": loss.item(),
            "gradient": rounded(logits.grad),
            "counterpartGradient": None if beta == 0 else rounded(counterparts.grad),
        }
    )

windows = []
for height, width, window in [(8, 9, (2, 3, 4, 5)), (10, 7, (0, 1, 9, 2)), (6, 6, (0, 0, 6, 6)), (7, 12, (6, 3, 1, 9))]:
    top, left, down, across = window
    y, x, c = torch.meshgrid(torch.arange(height), torch.arange(width), torch.arange(3), indexing="ij")
    image = (((37 * y + 91 * x + 13 * c) % 256) / 255.0).permute(2, 0, 1)[None].float()
    part = image[:, :, top : top + down, left : left + across]
    resized = F.interpolate(part, size=(height, width), mode="bilinear", align_corners=False, antialias=True)
    windows.append(
        {"height": height, "width": width, "window": list(window), "resized": rounded(resized[0].permute(1, 2, 0))}
    )

out = Path(__file__).with_suffix(".json")
out.write_text(
    json.dumps({"torch": torch.__version__, "objectives": objectives, "windows": windows}, separators=(",", ":")) + "\n"
)
