"""Ratio of example_gen's speed to the Object Detection API's script's on 200 photos with Pascal VOC annotations.

    LABLINE_TEST_DATA=folder/with/detection/raccoon.zip python benchmarks/detection_examples.py [--repeat 9]

Bar: at least 2 x. Every run is a process of its own on the same unpacked folder, one after the other in turn; imports
are left out of the times (they are printed), since TensorFlow takes longer to import than either takes to work. The
other way is the API's script for Pascal VOC, which turns them into TFRecords, in our words: one process that parses
each xml file into a dictionary, decodes the photo with PIL, hashes it, builds a `tf.train.Example` and writes it into
the file of its split. example_gen does more: it checks every photo and box, looks for photos that occur twice, cuts a
validation split, and writes the same bytes whatever the number of workers. It decodes photos in as many threads as
there are cores, so the ratio of the times needs two idle ones; that of the CPU time is what a lone core would give.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
BAR = 2.0


def main() -> None:
    """Run everything in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=9, help="runs of each; the median counts")
    parser.add_argument("--one", nargs=3, metavar=("JOB", "DATA", "FOLDER"), help="used by the program itself")
    arguments = parser.parse_args()
    if arguments.one:
        job, data, folder = arguments.one
        return print(json.dumps(JOBS[job](Path(data), Path(folder))))
    if "LABLINE_TEST_DATA" not in os.environ:
        sys.exit("Set LABLINE_TEST_DATA to the folder with real data (detection/raccoon.zip in it).")
    archive = Path(os.environ["LABLINE_TEST_DATA"]) / "detection" / "raccoon.zip"
    with tempfile.TemporaryDirectory() as data:
        zipfile.ZipFile(archive).extractall(data)
        runs: dict[str, list[dict[str, float]]] = {job: [] for job in JOBS}
        for _ in range(arguments.repeat):
            for job in JOBS:
                runs[job].append(run(job, Path(data)))
    report(runs)
    return None


def run(job: str, data: Path) -> dict[str, float]:
    """Run one job in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--one", job, str(data), folder]
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{job:24} {result['photos']:4,.0f} photos {result['seconds']:6.2f} s ({result['processor']:6.2f} s of CPU)  "
        f"imports {result['imports']:5.1f} s  {result['megabytes']:6.0f} MB",
        file=sys.stderr,
    )
    return result


def report(runs: dict[str, list[dict[str, float]]]) -> None:
    """Print rates, ratios and whether the bar is reached."""
    rates = {job: statistics.median(item["photos"] / item["seconds"] for item in items) for job, items in runs.items()}
    costs = {job: statistics.median(item["processor"] for item in items) for job, items in runs.items()}
    for job in JOBS:
        print(f"{job:24} {rates[job]:8,.0f} photos/s   {costs[job]:6.2f} s of CPU")
    peer = "Object Detection API"
    for job in [job for job in JOBS if job != peer]:
        ratio = rates[job] / rates[peer]
        verdict = f"bar {BAR}   {'reached' if ratio >= BAR else 'MISSED'}" if job == "example_gen" else "no bar"
        print(f"{job} / {peer}   {ratio:5.2f} (by CPU {costs[peer] / costs[job]:.2f})   {verdict}")


def timed(imports: float, work: Callable[[], int]) -> dict[str, float]:
    """Return what a piece of work took; it returns how many photos it wrote."""
    started, processor = time.perf_counter(), time.process_time()
    images = work()
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"imports": imports, "photos": images, "seconds": seconds, "processor": processor, "megabytes": peak}


def run_example_gen(data: Path, folder: Path) -> dict[str, float]:
    """Measure example_gen as a user runs it: FnApiRunner with Beam's default of one worker."""
    started = time.perf_counter()
    from PIL import Image, TiffImagePlugin

    from components.example_gen import example_gen
    from components.tasks.object_detection import ingest
    from data import catalog, download, formats, locate, unpack
    from data.config import BeamConfig
    from data.detection import ingest as detection_ingest
    from data.detection import label_map
    from data.detection import workers as detection_workers
    from data.detection.config import DetectionDataConfig
    from pipeline.artifacts import Examples
    from pipeline.component import Context

    Image.preinit()
    later = (TiffImagePlugin, ingest, catalog, download, locate, detection_ingest, detection_workers, unpack, label_map)
    assert all((*later, formats.names("object_detection")))
    imports = time.perf_counter() - started
    examples = Examples.create(folder / "examples")

    def work() -> int:
        config = DetectionDataConfig(path=str(data), format="voc")
        context = Context.standalone(folder)
        example_gen(examples=examples, config=config, beam=BeamConfig(), context=context)
        return sum(examples.splits.values())

    return timed(imports, work)


def run_detection_api(data: Path, folder: Path) -> dict[str, float]:
    """Measure what the Object Detection API's script for Pascal VOC does."""
    started = time.perf_counter()
    import tensorflow as tf
    from PIL import Image, TiffImagePlugin

    Image.preinit()
    assert TiffImagePlugin
    imports = time.perf_counter() - started

    def feature(values: list[Any]) -> Any:
        if isinstance(values[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        if isinstance(values[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def to_example(name: str) -> Any:
        with tf.io.gfile.GFile(str(data / "annotations" / f"{name}.xml")) as file:  # as the API reads
            annotation = to_dictionary(ElementTree.fromstring(file.read()))
        with tf.io.gfile.GFile(str(data / "images" / annotation["filename"]), "rb") as file:
            encoded = file.read()
        image = Image.open(io.BytesIO(encoded))
        if image.format != "JPEG":
            raise ValueError("not a JPEG")
        image.load()
        width, height = int(annotation["size"]["width"]), int(annotation["size"]["height"])
        objects = annotation["object"]
        edges = {
            edge: [float(item["bndbox"][edge]) / (width if edge[0] == "x" else height) for item in objects]
            for edge in ("xmin", "xmax", "ymin", "ymax")
        }
        values: dict[str, list[Any]] = {
            "image/height": [height],
            "image/width": [width],
            "image/filename": [annotation["filename"].encode()],
            "image/source_id": [annotation["filename"].encode()],
            "image/key/sha256": [hashlib.sha256(encoded).hexdigest().encode()],
            "image/encoded": [encoded],
            "image/format": [b"jpeg"],
            **{f"image/object/bbox/{edge}": numbers for edge, numbers in edges.items()},
            "image/object/class/text": [item["name"].encode() for item in objects],
            "image/object/class/label": [1 for _ in objects],
            "image/object/difficult": [int(item["difficult"]) for item in objects],
            "image/object/truncated": [int(item["truncated"]) for item in objects],
            "image/object/view": [item["pose"].encode() for item in objects],
        }
        return tf.train.Example(
            features=tf.train.Features(feature={key: feature(value) for key, value in values.items()})
        )

    def work() -> int:
        count = 0
        for split in ("train", "test"):
            with (data / "data" / f"{split}_labels.csv").open() as file:
                names = dict.fromkeys(Path(row["filename"]).stem for row in csv.DictReader(file))
            with tf.io.TFRecordWriter(str(folder / f"{split}.record")) as writer:
                for name in names:
                    writer.write(to_example(name).SerializeToString())
                    count += 1
        return count

    return timed(imports, work)


def to_dictionary(element: Any) -> Any:
    """Return an xml element as nested dictionaries; objects as a list."""
    if not len(element):
        return element.text or ""
    found: dict[str, Any] = {}
    for child in element:
        value = to_dictionary(child)
        if child.tag == "object":
            found.setdefault("object", []).append(value)
        else:
            found[child.tag] = value
    return found


JOBS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "example_gen": run_example_gen,
    "Object Detection API": run_detection_api,
}

if __name__ == "__main__":
    main()
