"""timm, also where torchvision is for another torch."""

import re
import sys

import torch

# timm imports torchvision, which does not load where its compiled part is for another torch. Nothing here needs that part, so
# its operators need only exist.
while True:
    try:
        import torchvision

        break
    except RuntimeError as error:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        torch.library.define(re.search(r"torchvision::\w+", str(error))[0], "(Tensor x) -> Tensor")

import timm
