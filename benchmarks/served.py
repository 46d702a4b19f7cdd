"""What the benchmarks of serving share: models to serve, the bare call of a signature, and servers around a block."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_digits

from components.export.saved_model import write_saved_model
from components.networks import PixelStatistics, cnn
from components.tasks.image_classification.export import make_signatures

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120


def write_half_plus_two(folder: Path) -> Path:
    """Write a SavedModel of x / 2 + 2 as `folder`/1; return `folder`."""
    module = tf.Module()
    module.function = tf.function(lambda x: {"y": x * 0.5 + 2.0}).get_concrete_function(tf.TensorSpec([None], name="x"))
    tf.saved_model.save(module, str(folder / "1"), signatures={"serving_default": module.function})
    return folder


def write_mnist_cnn(folder: Path) -> Path:
    """Write the network `cnn` for MNIST, untrained, with the signatures that the exporter gives it; return `folder`."""
    shape, labels = (28, 28, 1), [str(digit) for digit in range(10)]
    network = cnn.build(shape, 10, cnn.Config(), PixelStatistics(0.13, 0.31, (0.13,), (0.31,)))
    write_saved_model(network, make_signatures(network, labels, shape), {}, "classifier", folder / "1")
    return folder


def digit_images(count: int) -> list[bytes]:
    """Return scikit-learn's handwritten digits, enlarged, as PNG files of 28 x 28 grey pixels."""
    images = []
    for pixels in load_digits().images[:count]:
        file = io.BytesIO()
        Image.fromarray((pixels * 15.9).astype(np.uint8)).resize((28, 28), Image.Resampling.BICUBIC).save(file, "PNG")
        images.append(file.getvalue())
    return images


def image_body(images: Sequence[bytes]) -> bytes:
    """Return the body of a predict request for pictures."""
    return json.dumps({"instances": [{"b64": base64.b64encode(image).decode()} for image in images]}).encode()


class Bare:
    """A SavedModel in this process, its signature called with nothing around it."""

    def __init__(self, saved_model: Path) -> None:
        self.model = tf.saved_model.load(str(saved_model))
        self.call = self.model.signatures["serving_default"]

    def rate(self, inputs: dict[str, Any], rows: int, seconds: float) -> float:
        """Call it with the same inputs in a loop; return rows a second."""
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        started, calls = time.perf_counter(), 0
        while (now := time.perf_counter()) - started < seconds:
            self.fetch(tensors)
            calls += 1
        return calls * rows / (now - started)

    def fetch(self, tensors: dict[str, Any]) -> None:
        """Call it once and wait for every output."""
        for value in self.call(**tensors).values():
            value.numpy()


@contextmanager
def model_server(name: str, base_path: Path, *flags: str) -> Iterator[str]:
    """Run `labline-model-server` for one model; give its URL."""
    command = [
        sys.executable,
        "-m",
        "serving.server",
        "--port=-1",
        "--rest_api_port=-1",
        f"--model_name={name}",
        f"--model_base_path={base_path}",
        *flags,
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if "ready" not in line:
            raise SystemExit("The server did not start.")
        yield line.split()[3]
    finally:
        process.terminate()
        process.wait()


def process_of(url: str) -> int:
    """Return the number of the process that listens at a local URL's port."""
    port = f":{int(url.rpartition(':')[2]):04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(port) and fields[3] == "0A":
            inode = f"socket:[{fields[9]}]"
            for link in Path("/proc").glob("[0-9]*/fd/*"):
                try:
                    if str(link.readlink()) == inode:
                        return int(link.parts[2])
                except OSError:
                    continue
    raise SystemExit(f"Nothing listens at {url}.")


def memory_of(pid: int) -> float:
    """Return a process's resident memory in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
