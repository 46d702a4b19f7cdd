"""Prints throughput and p99 of the embedded server against MLflow's and BentoML's: same model, pictures and load.

    python benchmarks/serving_peers.py [--clients 32] [--rounds 3] [--seconds 5] [--folder /tmp/labline-peers]

Bars: at least twice the throughput and at most half the p99. The model is the network `cnn` for MNIST with its own
signature; each request is one picture, a PNG in base64. Each peer is installed from PyPI into an environment of its
own under `--folder` (about 2 GB each, kept for the next time) and loads the same SavedModel with
`tf.saved_model.load`: MLflow as a `pyfunc` behind `mlflow models serve`, BentoML as a service with adaptive batching,
as its documentation shows it. All servers run all the time, and take turns to be asked.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests as http
from served import digit_images, image_body, model_server, write_mnist_cnn

from serving.launch import free_port
from serving.load_generator import LoadResult, Request, run_load

TENSORFLOW = "tensorflow==2.16.2"
PEERS = {"mlflow": ["mlflow>=3,<4", "numpy<2"], "bentoml": ["bentoml>=1.4,<2", "numpy<2"]}
BATCHING = "max_batch_size { value: 32 }\nmax_enqueued_batches { value: 100 }\nnum_batch_threads { value: 1 }\n"
START_SECONDS = 180
MLFLOW_MODEL = """
import base64, sys
import mlflow
from mlflow.pyfunc import PythonModel

class Classifier(PythonModel):
    def load_context(self, context):
        import tensorflow as tf
        self.tf, self.model = tf, tf.saved_model.load(context.artifacts["saved_model"])
        self.call = self.model.signatures["serving_default"]

    def predict(self, context, model_input, params=None):
        rows = model_input["image"] if hasattr(model_input, "columns") else model_input
        pictures = [base64.b64decode(row) for row in rows]
        found = self.call(image_bytes=self.tf.constant(pictures))
        return {"class_id": found["class_id"].numpy().tolist(),
                "probabilities": found["probabilities"].numpy().tolist(),
                "label": [label.decode() for label in found["label"].numpy()]}

mlflow.pyfunc.save_model(sys.argv[2], python_model=Classifier(), artifacts={"saved_model": sys.argv[1]},
                         pip_requirements=["mlflow"])
"""
BENTOML_SERVICE = """
import base64, os
import bentoml

@bentoml.service(traffic={{"timeout": 60, "max_concurrency": 256}})
class Classifier:
    def __init__(self):
        import tensorflow as tf
        self.tf, self.model = tf, tf.saved_model.load(os.environ["SAVED_MODEL"])
        self.call = self.model.signatures["serving_default"]

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def predict(self, images: list[str]) -> list[dict]:
        found = self.call(image_bytes=self.tf.constant([base64.b64decode(image) for image in images]))
        rows = zip(found["class_id"].numpy().tolist(), found["probabilities"].numpy().tolist(), found["label"].numpy())
        return [{{"class_id": number, "probabilities": scores, "label": label.decode()}}
                for number, scores, label in rows]
"""


def main() -> None:
    """Install the peers, start everything, and let all take turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "labline-peers"))
    arguments = parser.parse_args()
    for name, packages in PEERS.items():
        install(arguments.folder / name, packages)
    images = digit_images(512)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        base_path = write_mnist_cnn(Path(scratch, "mnist"))
        parameters = Path(scratch, "batching.config")
        parameters.write_text(BATCHING)
        batching = ("--enable_batching", f"--batching_parameters_file={parameters}")
        own = running.enter_context(model_server("mnist", base_path, *batching))
        texts = [base64.b64encode(image).decode() for image in images]
        asked: dict[str, tuple[str, list[Request]]] = {
            "labline": (own, [("/v1/models/mnist:predict", image_body([image])) for image in images]),
            "mlflow": (
                running.enter_context(mlflow(arguments.folder / "mlflow", base_path / "1", Path(scratch))),
                [("/invocations", json.dumps({"inputs": [text]}).encode()) for text in texts],
            ),
            "bentoml": (
                running.enter_context(bentoml(arguments.folder / "bentoml", base_path / "1", Path(scratch))),
                [("/predict", json.dumps({"images": [text]}).encode()) for text in texts],
            ),
        }
        compare(asked, arguments.clients, arguments.rounds, arguments.seconds)


def install(folder: Path, packages: list[str], tensorflow: bool = True) -> None:
    """Make an environment with a peer and, unless it needs none, the same TensorFlow; one that is there is kept."""
    if (folder / "bin" / "python").exists() and (folder / "done").exists():
        return
    if tensorflow:
        packages = [TENSORFLOW, *packages]
    shutil.rmtree(folder, ignore_errors=True)
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(folder), *packages], check=True)
    (folder / "done").touch()


@contextmanager
def mlflow(environment: Path, saved_model: Path, scratch: Path) -> Iterator[str]:
    """Serve the SavedModel with `mlflow models serve`."""
    script, model, port = scratch / "save.py", scratch / "mlflow-model", free_port("127.0.0.1")
    script.write_text(MLFLOW_MODEL)
    settings = clean_environment(environment)
    subprocess.run(
        [environment / "bin" / "python", script, saved_model, model], check=True, env=settings, capture_output=True
    )
    command = [
        environment / "bin" / "mlflow",
        "models",
        "serve",
        "-m",
        model,
        "-p",
        str(port),
        "--env-manager",
        "local",
    ]
    with server(command, settings, port, scratch / "mlflow.log") as url:
        yield url


@contextmanager
def bentoml(environment: Path, saved_model: Path, scratch: Path) -> Iterator[str]:
    """Serve the SavedModel with `bentoml serve`."""
    folder, port = scratch / "bento", free_port("127.0.0.1")
    folder.mkdir()
    (folder / "service.py").write_text(BENTOML_SERVICE.replace("{{", "{").replace("}}", "}"))
    settings = {**clean_environment(environment), "SAVED_MODEL": str(saved_model), "BENTOML_DO_NOT_TRACK": "True"}
    command = [
        environment / "bin" / "bentoml",
        "serve",
        "service:Classifier",
        "--port",
        str(port),
        "--working-dir",
        folder,
    ]
    with server(command, settings, port, scratch / "bentoml.log") as url:
        yield url


def clean_environment(environment: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return {**kept, "PATH": f"{environment / 'bin'}:{kept['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}


@contextmanager
def server(command: list[object], settings: dict[str, str], port: int, log: Path) -> Iterator[str]:
    """Run a server until the block ends."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            list(map(str, command)), env=settings, stdout=file, stderr=file, start_new_session=True
        )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
    try:
        while True:
            try:
                http.get(url + "/ping", timeout=2)
                break
            except http.RequestException:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} did not start:\n{log.read_text()[-2000:]}") from None
                time.sleep(0.3)
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def compare(asked: dict[str, tuple[str, list[Request]]], clients: int, rounds: int, seconds: float) -> None:
    """Ask all in turns and print the ratios of medians."""
    for name, (url, requests) in asked.items():
        answer = http.post(
            url + requests[0][0], requests[0][1], headers={"Content-Type": "application/json"}, timeout=60
        )
        print(f"{name}: {answer.status_code} {' '.join(answer.text.split())[:100]}")
        run_load(url, requests, clients=clients, seconds=2)
    results: dict[str, list[LoadResult]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, (url, requests) in asked.items():
            results[name].append(run_load(url, requests, clients=clients, seconds=seconds))
    own = results["labline"]
    for name, found in results.items():
        rate = statistics.median(result.throughput for result in found)
        p99 = statistics.median(result.percentile(99) for result in found)
        faster = statistics.median(a.throughput / b.throughput for a, b in zip(own, found, strict=True))
        shorter = statistics.median(a.percentile(99) / b.percentile(99) for a, b in zip(own, found, strict=True))
        print(
            f"{name}: {rate:.0f} answers/s, p99 {p99 * 1e3:.1f} ms, {sum(result.failures for result in found)} failed; "
            f"labline has {faster:.1f} times the throughput (bar 2) and {shorter:.2f} of the p99 (bar .5)"
        )


if __name__ == "__main__":
    main()
