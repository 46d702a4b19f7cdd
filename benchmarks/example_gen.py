"""Ratios of example_gen's speed and memory on CIFAR-10's 50,000 JPEGs.

    LABLINE_TEST_DATA=folder/with/cifar10/train.zip python benchmarks/example_gen.py [--repeat 3]

Bars: at least 5 x a TFDS builder, 1.5 x a plain loop; memory at 50,000 at most 1.3 x that at 5,000. Every run is a
process of its own, on the same zip file, one after the other in turn; imports are left out of the times (they are
printed), since TensorFlow alone takes several times as long to import as Beam. All do the same work: every picture is
decoded once to check it. The plain loop writes the same features as example_gen, the TFDS builders only picture and
label: one gives TFDS pixels, as TFDS's own cifar10 does (the bar), the other passes the JPEG files on.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BARS = {"TFDS builder": 5.0, "plain loop": 1.5}
MEMORY_BAR = 1.3


def main() -> None:
    """Run everything in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--one", nargs=3, metavar=("JOB", "ZIP", "FOLDER"), help="used by the program itself")
    arguments = parser.parse_args()
    if arguments.one:
        job, archive, folder = arguments.one
        return print(json.dumps(JOBS[job](Path(archive), Path(folder))))
    if "LABLINE_TEST_DATA" not in os.environ:
        sys.exit("Set LABLINE_TEST_DATA to the folder with real data (cifar10/train.zip in it).")
    archive = Path(os.environ["LABLINE_TEST_DATA"]) / "cifar10" / "train.zip"
    with tempfile.TemporaryDirectory() as folder:
        tenth = write_tenth(archive, Path(folder) / "tenth.zip")
        runs: dict[str, list[dict[str, float]]] = {job: [] for job in [*JOBS, "example_gen of 5,000"]}
        for _ in range(arguments.repeat):
            for job in JOBS:
                runs[job].append(run(job, archive))
            runs["example_gen of 5,000"].append(run("example_gen", tenth))
    report(runs)
    return None


def run(job: str, archive: Path) -> dict[str, float]:
    """Run one job in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--one", job, str(archive), folder]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{job:24} {result['pictures']:7,.0f} pictures {result['seconds']:7.2f} s "
        f"({result['processor']:6.2f} s of CPU)  imports {result['imports']:5.1f} s  {result['megabytes']:6.0f} MB",
        file=sys.stderr,
    )
    return result


def report(runs: dict[str, list[dict[str, float]]]) -> None:
    """Print rates, ratios and whether the bars are reached."""
    rates = {
        job: statistics.median(item["pictures"] / item["seconds"] for item in items) for job, items in runs.items()
    }
    costs = {
        job: statistics.median(item["processor"] / item["pictures"] for item in items) for job, items in runs.items()
    }
    for job in JOBS:
        print(f"{job:28} {rates[job]:8,.0f} pictures/s   {costs[job] * 1e6:6.0f} us of CPU a picture")
    for job in [job for job in JOBS if job != "example_gen"]:
        ratio, bar = rates["example_gen"] / rates[job], BARS.get(job)
        verdict = f"bar {bar}   {'reached' if ratio >= bar else 'MISSED'}" if bar else "no bar"
        print(f"example_gen / {job:22} {ratio:6.2f} (by CPU {costs[job] / costs['example_gen']:.2f})   {verdict}")
    memory = {job: statistics.median(item["megabytes"] for item in items) for job, items in runs.items()}
    ratio = memory["example_gen"] / memory["example_gen of 5,000"]
    verdict = "reached" if ratio <= MEMORY_BAR else "MISSED"
    print(
        f"memory at 50,000 / at 5,000      {ratio:6.2f}   bar {MEMORY_BAR}   {verdict}"
        f"   ({memory['example_gen']:.0f} MB / {memory['example_gen of 5,000']:.0f} MB)"
    )


def write_tenth(archive: Path, target: Path) -> Path:
    """Write a zip with every tenth picture."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as tenth:
        for member in source.infolist()[::10]:
            tenth.writestr(member.filename, source.read(member))
    return target


def timed(imports: float, images: int, work: Callable[[], Any]) -> dict[str, float]:
    """Return what a piece of work took."""
    started, processor = time.perf_counter(), time.process_time()
    work()
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"imports": imports, "pictures": images, "seconds": seconds, "processor": processor, "megabytes": peak}


def count(archive: Path) -> int:
    with zipfile.ZipFile(archive) as file:
        return sum(not member.is_dir() for member in file.infolist())


def run_example_gen(archive: Path, folder: Path) -> dict[str, float]:
    """Measure example_gen as a user runs it: FnApiRunner with Beam's default of one worker."""
    started = time.perf_counter()
    from components.example_gen import example_gen
    from data.config import BeamConfig
    from data.images import workers as image_workers
    from data.images.config import ImageDataConfig
    from pipeline.artifacts import Examples
    from pipeline.component import Context

    imports = time.perf_counter() - started
    assert image_workers
    examples = Examples.create(folder / "examples")
    return timed(
        imports,
        count(archive),
        lambda: example_gen(
            examples=examples,
            config=ImageDataConfig(path=str(archive)),
            beam=BeamConfig(),
            context=Context.standalone(folder),
        ),
    )


def run_plain_loop(archive: Path, folder: Path) -> dict[str, float]:
    """Measure the program that one writes first: read, check, `tf.train.Example`, `TFRecordWriter`."""
    started = time.perf_counter()
    import numpy as np
    import tensorflow as tf
    from PIL import Image

    imports = time.perf_counter() - started

    def feature(value: Any) -> Any:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    def work() -> None:
        for split, members, labels in split_members(archive):
            with zipfile.ZipFile(archive) as file, tf.io.TFRecordWriter(str(folder / f"{split}.tfrecord")) as writer:
                for name in members:
                    data = file.read(name)
                    pixels = np.asarray(Image.open(io.BytesIO(data)))  # decodes, and so checks
                    text = name.split("/")[0]
                    values = {
                        "image/encoded": data,
                        "image/format": b"jpeg",
                        "image/source": name.encode(),
                        "image/height": pixels.shape[0],
                        "image/width": pixels.shape[1],
                        "image/channels": 3,
                        "image/bytes": len(data),
                        "image/brightness": float(pixels.mean() / 255),
                        "image/class/label": labels[text],
                        "image/class/text": text.encode(),
                    }
                    features = tf.train.Features(feature={key: feature(value) for key, value in values.items()})
                    writer.write(tf.train.Example(features=features).SerializeToString())

    return timed(imports, count(archive), work)


def run_tfds_pixels(archive: Path, folder: Path) -> dict[str, float]:
    """Measure a TensorFlow Datasets builder that gives pixels, as TFDS's own cifar10 does; TFDS encodes them as PNG."""
    return run_tfds(archive, folder, pixels=True)


def run_tfds_files(archive: Path, folder: Path) -> dict[str, float]:
    """Measure a TensorFlow Datasets builder that checks the JPEG file and passes its bytes on."""
    return run_tfds(archive, folder, pixels=False)


def run_tfds(archive: Path, folder: Path, pixels: bool) -> dict[str, float]:
    """Measure a TensorFlow Datasets builder over the same zip."""
    started = time.perf_counter()
    import numpy as np
    import tensorflow as tf
    import tensorflow_datasets as tfds
    from PIL import Image

    assert tf.io, "TFDS would load it in its own time"
    imports = time.perf_counter() - started

    class Cifar(tfds.core.GeneratorBasedBuilder):  # type: ignore[misc]
        VERSION = tfds.core.Version("1.0.0")

        def _info(self) -> Any:
            labels = sorted(next(split_members(archive))[2])
            image = tfds.features.Image(encoding_format="png" if pixels else "jpeg")
            features = {"image": image, "label": tfds.features.ClassLabel(names=labels)}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, manager: Any) -> Any:
            return {split: self._generate_examples(members) for split, members, _ in split_members(archive)}

        def _generate_examples(self, members: list[str]) -> Iterator[Any]:
            with zipfile.ZipFile(archive) as file:
                for name in members:
                    data = file.read(name)
                    decoded = np.asarray(Image.open(io.BytesIO(data)))  # decodes, and so checks
                    yield name, {"image": decoded if pixels else io.BytesIO(data), "label": name.split("/")[0]}

    tfds.disable_progress_bar()
    builder = Cifar(data_dir=str(folder))
    return timed(imports, count(archive), builder.download_and_prepare)


def split_members(archive: Path) -> Iterator[tuple[str, list[str], dict[str, int]]]:
    """Yield 80, 10 and 10 % of the pictures, shuffled, with the numbers of the classes."""
    with zipfile.ZipFile(archive) as file:
        members = [name for name in file.namelist() if name.endswith(".jpg")]
    labels = {text: number for number, text in enumerate(sorted({name.split("/")[0] for name in members}))}
    random.Random(0).shuffle(members)
    first, second = len(members) * 8 // 10, len(members) * 9 // 10
    for split, part in (("train", members[:first]), ("validation", members[first:second]), ("test", members[second:])):
        yield split, part, labels


JOBS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "example_gen": run_example_gen,
    "plain loop": run_plain_loop,
    "TFDS builder": run_tfds_pixels,
    "TFDS, files passed on": run_tfds_files,
}

if __name__ == "__main__":
    main()
