"""Small files of torch.export for test/models/torch-export, with what PyTorch computes.

    python torch_export_files.py    (writes torch-export-files/ beside itself)

Made with Python 3.11, torch 2.13.0 (CPU).
"""

import json
import os
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch-export-files")
os.makedirs(folder, exist_ok=True)
results = {}


def listed(tensor):
    return [float(f"{value:.7g}") for value in np.asarray(tensor, dtype=np.float64).ravel()]


class Trained(nn.Module):
    """A CNN with normalisation inside, batch norms, in-place ReLUs, a residual sum, dropout, and a flattened image of many pixels."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.first = nn.Conv2d(3, 6, (3, 2), stride=(1, 2), padding=(1, 0), bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.second = nn.Conv2d(6, 6, 3, padding="same", groups=2)
        self.deep = nn.Conv2d(6, 12, 3, stride=2, padding=2, dilation=2, groups=6)
        self.last = nn.BatchNorm1d(5)
        self.hidden = nn.Linear(12 * 3 * 2, 5)
        self.classes = nn.Linear(5, 4)

    def forward(self, x):
        x = (x - self.mean) / torch.tensor([0.2, 0.3, 0.25]).view(-1, 1, 1)
        x = F.relu(self.norm(self.first(x)), inplace=True)
        x = x + F.relu6(self.second(x))
        x = F.max_pool2d(self.deep(x), 2, stride=1, padding=1)
        x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
        x = F.leaky_relu(self.last(self.hidden(F.dropout(torch.flatten(x, 1), 0.25, self.training))), 0.1)
        return F.softmax(self.classes(x), dim=1)


class Gated(nn.Module):
    """Squeeze and excitation, SiLU, hard swish, joined and split channels, and arithmetic of many kinds."""

    def __init__(self):
        super().__init__()
        self.grouped = nn.Conv2d(3, 6, 3, padding=1, groups=3, bias=False)
        self.narrow = nn.Conv2d(6, 3, 1)
        self.wide = nn.Conv2d(3, 6, 1)
        self.norm = nn.GroupNorm(2, 12)
        self.classes = nn.Linear(12, 4)

    def forward(self, x):
        x = F.silu(self.grouped(x))
        gate = F.hardsigmoid(self.wide(F.relu(self.narrow(F.adaptive_avg_pool2d(x, 1)))))
        first, second = (x * gate).chunk(2, dim=1)
        x = torch.cat([second - 0.5, torch.tanh(first) * 2, x / (3 + first.mean(1, keepdim=True))], 1)
        x = F.adaptive_avg_pool2d(self.norm(F.hardswish(x * 3)), 2)
        x = 1 - x.clamp(-1, 2) * torch.sigmoid(x[:, :, 0:1, :])
        return self.classes(x.mean((2, 3)))


class TinyBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        images, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(images, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(images, tokens, width)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class TinyVit(nn.Module):
    """A ViT of two blocks as timm writes it, the second with attention taken apart."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.positions = nn.Parameter(torch.zeros(1, 7, 8))
        self.block = TinyBlock(8, 2)
        self.qkv = nn.Linear(8, 24)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        x = self.block(x)
        q, k, v = self.qkv(x).chunk(3, -1)
        x = x + torch.matmul((q @ k.transpose(-2, -1) / 8**0.5).softmax(-1), v)
        return self.head(self.norm(x)[:, 0])


class TinyConvNext(nn.Module):
    """Two stages of a ConvNeXt as timm writes it, with layer norms over channels second, and a layer scale."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 2, stride=2)
        self.stem_norm = nn.LayerNorm(6)
        self.deep = nn.Conv2d(6, 6, 5, padding=2, groups=6)
        self.norm = nn.LayerNorm(6, eps=1e-6)
        self.up, self.down = nn.Linear(6, 12), nn.Linear(12, 6)
        self.gamma = nn.Parameter(torch.ones(6))
        self.reduce = nn.Conv2d(6, 8, 2, stride=2)
        self.head_norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem_norm(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = self.down(F.gelu(self.up(self.norm(self.deep(x).permute(0, 2, 3, 1))), approximate="tanh")).permute(0, 3, 1, 2)
        x = self.reduce(x + y * self.gamma.reshape(1, -1, 1, 1))
        x = F.adaptive_avg_pool2d(x, 1)
        x = self.head_norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(x.flatten(1))


def made_up(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name in ("mean",) or name.endswith("num_batches_tracked"):
                continue
            if name.endswith("running_var") or (value.dim() == 1 and name.endswith(("weight", "gamma"))):
                value.uniform_(0.6, 1.4, generator=generator)
            elif name.endswith(("running_mean", "bias", "token", "positions")):
                value.normal_(0, 0.3, generator=generator)
            else:
                value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
    return model.eval()


def save(model, pixels, path, dynamic):
    shapes = ({0: torch.export.Dim("batch")},) if dynamic else None
    program = torch.export.export(model, (pixels,), dynamic_shapes=shapes)
    torch.export.save(program, path + ".whole")
    # Sample inputs and stack traces are most of so small a file, and a reader needs neither.
    with zipfile.ZipFile(path + ".whole") as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as small:
        for entry in whole.infolist():
            content = whole.read(entry)
            if "/sample_inputs/" in entry.filename:
                continue
            if entry.filename.endswith("models/model.json"):
                program = json.loads(content)
                for node in program["graph_module"]["graph"]["nodes"]:
                    node["metadata"].pop("stack_trace", None)
                content = json.dumps(program, separators=(",", ":")).encode()
            small.writestr(zipfile.ZipInfo(entry.filename), content)
    os.remove(path + ".whole")


for name, model, shape in [
    ("trained", Trained(), (2, 3, 7, 8)),
    ("gated", Gated(), (2, 3, 6, 8)),
    ("vit", TinyVit(), (2, 3, 8, 12)),
    ("convnext", TinyConvNext(), (2, 3, 12, 8)),
]:
    made_up(model, 5)
    generator = torch.Generator().manual_seed(9)
    pixels = torch.rand(shape, generator=generator, requires_grad=True)
    given = model(pixels)
    isSoft = name == "trained"
    cotangent = torch.randn(given.shape, generator=generator)
    # Up to a constant for each image a logarithm of probabilities is the logits.
    logits = torch.log(given) if isSoft else given
    if isSoft:
        cotangent = cotangent - cotangent.mean(1, keepdim=True)
    (gradient,) = torch.autograd.grad((logits * cotangent).sum(), pixels)
    files = []
    for dynamic in (True, False):
        file = f"{name}{'' if dynamic else '-static'}.pt2"
        save(model, pixels.detach(), os.path.join(folder, file), dynamic)
        files.append(file)
    results[name] = {
        "files": files,
        "shape": [shape[0], shape[2], shape[3], shape[1]],
        "pixels": listed(pixels.detach().permute(0, 2, 3, 1)),
        **({"probabilities": listed(given.detach())} if isSoft else {"logits": listed(given.detach())}),
        "cotangent": listed(cotangent),
        "gradient": listed(gradient.permute(0, 2, 3, 1)),
    }

with open(os.path.join(folder, "expected.json"), "w") as out:
    json.dump(results, out)
    out.write("\n")
