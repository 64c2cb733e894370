"""PyTorch's side of gpu.ts on the same card: prints a row of JSON a measurement.

python gpu.py network|training|kernels [--small], with a torch that has CUDA. Weights and images are random. TF32 off is what ravelin computes.
"""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from network import resnet20, resnet50

networks = {"cifar-resnet20": (resnet20, 32, (64, 256, 1024)), "resnet50": (resnet50, 224, (8, 32, 64))}
small = "--small" in sys.argv
device = "cuda" if torch.cuda.is_available() else "cpu"


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


def row(what, value, unit, note):
    print("ROW " + json.dumps({"what": what, "value": value, "unit": unit, "note": note}), flush=True)


def times_of(work, seconds=0.2):
    """Milliseconds of the first call, and the median of later ones."""

    def clock():
        start = time.perf_counter()
        work()
        wait()
        return 1000 * (time.perf_counter() - start)

    first = clock()
    clock()
    begun, taken = time.perf_counter(), []
    while len(taken) < 3 or (len(taken) < 50 and time.perf_counter() - begun < seconds):
        taken.append(clock())
    return first, statistics.median(taken)


def use_tf32(on):
    torch.backends.cuda.matmul.allow_tf32 = on
    torch.backends.cudnn.allow_tf32 = on


def measure_networks():
    for name, (build, size, batches) in networks.items():
        for layout_name, layout in (("channels_last", torch.channels_last), ("contiguous", torch.contiguous_format)):
            network = build().eval().requires_grad_(False).to(device, memory_format=layout)
            for tf32 in (False, True):
                use_tf32(tf32)
                if layout_name == "contiguous" and tf32:
                    continue
                for batch in (2,) if small else batches:
                    measure_network(name, network, size, batch, layout, f"{layout_name}{', TF32' if tf32 else ''}")
        if small:
            return


def measure_network(name, network, size, batch, layout, how):
    host = torch.rand(batch, 3, size, size).to(memory_format=layout)
    labels = (torch.arange(batch) % 10).to(device)

    def forward(images):
        with torch.inference_mode():
            return network(images)

    def gradient(images):
        images = images.detach().requires_grad_(True)
        F.cross_entropy(network(images), labels, reduction="sum").backward()
        return images.grad

    there = host.to(device)
    for kind, compute in (("forward", forward), ("gradient", gradient)):
        first, both_ways = times_of(lambda: compute(host.to(device)).cpu())
        _, on_device = times_of(lambda: compute(there))
        _, in_a_row = times_of(lambda: [compute(there) for _ in range(10)])
        note = f"{both_ways:.1f} ms from and to host memory, first {first:.0f} ms; on the device {1000 * batch / on_device:.0f} images/s, ten in a row {10000 * batch / in_a_row:.0f}"
        row(f"{name} {kind}, batch {batch}, {how}", 1000 * batch / both_ways, "images/s", note)


def measure_training():
    for tf32 in (False, True):
        use_tf32(tf32)
        for batch in (4,) if small else (128, 512):
            network = resnet20().train().to(device, memory_format=torch.channels_last)
            descent = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9, weight_decay=5e-4)
            host = torch.rand(batch, 3, 32, 32).to(memory_format=torch.channels_last)
            labels = (torch.arange(batch) % 10).to(device)

            def step():
                descent.zero_grad()
                loss = F.cross_entropy(network(host.to(device)), labels)
                loss.backward()
                descent.step()
                loss.item()

            first, wall = times_of(step)
            how = "channels_last" + (", TF32" if tf32 else "")
            row(f"step of cifar-resnet20, batch {batch}, {how}", 1000 * batch / wall, "images/s", f"{wall:.1f} ms; first {first:.0f} ms")


def measure_kernels():
    """The nearest of 1,000,000 patches of 5 x 5 x 3 bytes for 5,476 queries, exact but for rounding: products of matrices and top-K."""
    use_tf32(False)
    count, queries = (2000, 100) if small else (1_000_000, 5476)
    patches = torch.randint(0, 256, (count, 75), dtype=torch.uint8).to(device)
    asked = torch.randint(0, 256, (queries, 75), dtype=torch.uint8).float()

    def search(neighbors):
        q = asked.to(device)
        best = []
        for part in patches.split(131072):
            x = part.float()
            scores = (x * x).sum(1) - 2 * q @ x.T
            best.append(torch.topk(scores, neighbors, largest=False).values)
        return torch.topk(torch.cat(best, 1), neighbors, largest=False).values.cpu()

    for neighbors in (1, 10):
        first, wall = times_of(lambda: search(neighbors))
        row(f"search, K = {neighbors}, products and top-K", wall, "ms/image", f"{queries} queries, {count} patches, fp32; first {first:.0f} ms")


row("torch", 0, "", f"{torch.__version__}, {torch.cuda.get_device_name() if device == 'cuda' else 'NO CUDA: the CPU'}")
{"network": measure_networks, "training": measure_training, "kernels": measure_kernels}[sys.argv[1]]()
