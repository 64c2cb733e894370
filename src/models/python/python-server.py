"""Answers the queries of a worker of ravelin about one PyTorch model.

Started by ravelin as `python server.py`; it needs torch and the standard library. Requests are lines of JSON on
descriptor 3, answers are lines of JSON on descriptor 4, and arrays lie in a file without a name, descriptor 5, that both
processes map. Standard output and error are free for the code of the model.

The first request describes the model. Later ones are about n images in [0, 1], float32 `[n, height, width, channels]` at
the beginning of the file:

  logits                   logits `[n, classes]`, without a graph for gradients
  forward                  the same, and keeps the graph for `backward`
  backward                 gradient of sum(cotangent * logits) with respect to the pixels, layout as they are;
                           `keep` keeps the graph for another one

An answer is {"ok": {...}}, or {"error": kind, "message": text, "trace": text}, where kind is `memory`, `model` (the code of
the model failed) or `setup` (the model could not be made).
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import math
import mmap
import os
import platform
import signal
import sys
import traceback

REQUESTS, ANSWERS, ARRAYS = 3, 4, 5


def end_with_the_worker():
    """On Linux the system kills this process when the worker ends, even in the middle of a computation."""
    if sys.platform.startswith("linux"):
        import ctypes

        death_signal = 1  # PR_SET_PDEATHSIG in <sys/prctl.h>
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
    # Ctrl-C reaches the whole process group, and the command line of ravelin decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Refused(Exception):
    """A problem with a remedy that the worker knows the words for."""

    def __init__(self, kind, message, trace=""):
        super().__init__(message)
        self.kind, self.trace = kind, trace


def trace_of(error):
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def ending_of(error):
    if isinstance(error, SystemExit):
        return f"called sys.exit({'' if error.code is None else repr(error.code)})"
    return f"threw {type(error).__name__}: {error}"


def load_function(path, name):
    """The function `name` of the module at `path`, whose folder comes first in the search for other modules."""
    sys.path.insert(0, os.path.dirname(path))
    module_name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(module_name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        there = sorted(
            key for key, value in vars(module).items() if callable(value) and getattr(value, "__module__", None) == module_name
        )
        raise Refused("setup", f"{os.path.basename(path)} has no function '{name}'; it has {', '.join(there) or 'none'}")
    return function


def local_sources(folder):
    """Source files below `folder` that are loaded, with their SHA-256; packages of an environment there are not local."""
    environment = os.path.realpath(sys.prefix)
    own = os.path.abspath(__file__)  # ravelin itself may be installed in the project
    found = {}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        # Some modules of torch have a name here that is no path.
        if not path or not path.endswith(".py") or not os.path.isabs(path) or not os.path.isfile(path):
            continue
        inside = path.startswith(folder + os.sep) and path != own
        if not inside or "site-packages" in path or os.path.realpath(path).startswith(environment + os.sep):
            continue
        with open(path, "rb") as file:
            found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


class Server:
    def __init__(self, setup):
        import torch

        self.torch = torch
        torch.set_num_threads(setup["threads"])
        if setup["deterministic"]:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.backends.cudnn.benchmark = False
            torch.use_deterministic_algorithms(True, warn_only=True)
        self.device = torch.device(self.available(setup["device"]))
        self.pixels = self.graph_logits = None
        self.map = None
        arguments = dict(setup["arguments"])
        if setup["weights"] is not None:
            arguments["weights"] = setup["weights"]
        torch.manual_seed(0)
        try:
            model = load_function(setup["module"], setup["make"])(**arguments)
            if not isinstance(model, torch.nn.Module):
                raise Refused("setup", f"{setup['make']} returned a {type(model).__name__}, not a torch.nn.Module")
            self.model = model.eval().requires_grad_(False).to(self.device)
            if self.device.type == "cuda":
                self.model = self.model.to(memory_format=torch.channels_last)
        except Refused:
            raise
        except (Exception, SystemExit) as error:
            message = f"{setup['make']} {ending_of(error)}"
            raise Refused("setup", message, trace_of(error)) from error
        self.shape = tuple(setup["shape"])
        with torch.no_grad():
            logits = self.classify(torch.full((2, *self.shape), 0.5))
        self.classes = logits.shape[1]
        if self.classes < 2:
            raise Refused("setup", f"the model returned logits of {self.classes} class, and a classifier has two or more")
        self.hello = {
            "classes": self.classes,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "python": platform.python_version(),
            "torch": importlib.metadata.version("torch"),
            "device": self.device.type,
            "deviceName": torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else None,
            "sources": local_sources(setup["root"]),
            "doubts": self.doubts() if setup["checks"] else [],
        }

    def doubts(self):
        """Why attacks on the model may prove little, after the checks of AutoAttack's authors."""
        torch = self.torch
        found = []
        if any(module.training for module in self.model.modules()):
            found.append("training")
        pixels = torch.linspace(0.2, 0.8, 2 * math.prod(self.shape)).reshape(2, *self.shape)
        images = pixels.to(self.device).permute(0, 3, 1, 2)

        def logits_with(seed):
            torch.manual_seed(seed)
            answer = self.model(images)
            return (answer[0] if isinstance(answer, (tuple, list)) else answer).float()

        # The model may compute gradients itself, by torch.autograd.grad or backward().
        calls = []
        real = {name: getattr(torch.autograd, name) for name in ("grad", "backward")}
        for name, function in real.items():
            setattr(torch.autograd, name, lambda *a, _f=function, **k: calls.append(1) or _f(*a, **k))
        try:
            with torch.no_grad():
                first, second = logits_with(0), logits_with(1)
        finally:
            for name, function in real.items():
                setattr(torch.autograd, name, function)
        if calls:
            found.append("gradients")
        scale = first.norm(dim=1).clamp_min(1e-10)
        if ((first - second).norm(dim=1) / scale).max() > 1e-4:
            found.append("random")
        return found

    def available(self, wanted):
        torch = self.torch
        if wanted == "cuda" and not torch.cuda.is_available():
            raise Refused("setup", "torch sees no CUDA device")
        if wanted == "mps" and not torch.backends.mps.is_available():
            raise Refused("setup", "torch sees no MPS device")
        return wanted

    def classify(self, images):
        """Logits of images `[n, height, width, channels]`. The permuted view is PyTorch's channels-last layout."""
        # A model that draws gives the same numbers for the same query.
        self.torch.manual_seed(0)
        logits = self.model(images.to(self.device).permute(0, 3, 1, 2))
        if isinstance(logits, (tuple, list)):
            logits = logits[0]
        if not isinstance(logits, self.torch.Tensor) or logits.ndim != 2 or logits.shape[0] != images.shape[0]:
            what = list(logits.shape) if isinstance(logits, self.torch.Tensor) else type(logits).__name__
            raise Refused("model", f"the model returned {what} for {images.shape[0]} images, not logits [n, classes]")
        return logits.float()

    def array(self, offset, shape):
        count = 1
        for extent in shape:
            count *= extent
        return self.torch.frombuffer(self.map, dtype=self.torch.float32, count=count, offset=offset).reshape(shape)

    def open_arrays(self, size):
        if self.map is not None and len(self.map) == size:
            return
        # The old map stays until the tensors that look into it are gone.
        self.map = mmap.mmap(ARRAYS, size)

    def answer(self, request):
        torch = self.torch
        self.open_arrays(request["size"])
        operation, result = request["op"], request["result"]
        if operation == "backward":
            keep = request["keep"]
            cotangent = self.array(request["cotangent"], tuple(self.graph_logits.shape)).to(self.device)
            if self.graph_logits.grad_fn is None:
                raise Refused("model", "the logits do not depend on the pixels in a way that torch can differentiate")
            (gradient,) = torch.autograd.grad(
                self.graph_logits, self.pixels, cotangent, retain_graph=keep, allow_unused=True
            )
            if gradient is None:
                raise Refused("model", "the logits do not depend on the pixels in a way that torch can differentiate")
            self.array(result, gradient.shape).copy_(gradient)
            if not keep:
                self.pixels = self.graph_logits = None
            return {}
        images = self.array(0, (request["images"], *self.shape))
        if operation == "logits":
            with torch.no_grad():
                logits = self.classify(images)
        else:
            # A copy, because the graph outlives the next request, which writes over the pixels.
            self.pixels = images.clone().requires_grad_(True)
            logits = self.graph_logits = self.classify(self.pixels)
        if logits.shape[1] != self.classes:
            raise Refused("model", f"the model returned {logits.shape[1]} logits, and {self.classes} before")
        self.array(result, tuple(logits.shape)).copy_(logits.detach())
        return {}

    def forget(self):
        self.pixels = self.graph_logits = None
        if self.device.type == "cuda":
            self.torch.cuda.empty_cache()


def is_out_of_memory(error):
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower() or "can't allocate memory" in str(error).lower()


def serve():
    answers = os.fdopen(ANSWERS, "w")
    server = None

    def send(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    with os.fdopen(REQUESTS, "r") as requests:
        for line in requests:
            request = json.loads(line)
            try:
                if server is None:
                    server = Server(request)
                    send({"ok": server.hello})
                else:
                    send({"ok": server.answer(request)})
            except Refused as error:
                send({"error": error.kind, "message": str(error), "trace": error.trace})
            except (Exception, SystemExit) as error:  # whatever the code of the model throws is an answer, not an end
                kind = "memory" if is_out_of_memory(error) else "model"
                message = f"the code of the model {ending_of(error)}"
                send({"error": kind, "message": message, "trace": trace_of(error)})
                if server is not None:
                    server.forget()


if __name__ == "__main__":
    end_with_the_worker()
    serve()
    # Threads of the model's code must not keep the process.
    sys.stdout.flush()
    os._exit(0)
