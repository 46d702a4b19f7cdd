"""example_gen: what goes in comes out once, in the right split, the same whatever the number of workers.

Bad pictures are named.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.example_gen import example_gen, sources
from components.validation.thumbnails import find_examples
from data.config import BeamConfig
from data.images import ingest as work
from data.images.check import inspect
from data.images.config import ImageDataConfig
from data.shards import plan_shards
from data.tfrecord import decode_example, read_records
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.errors import UserError
from pipeline.progress import Progress


def image(number: int, kind: str = "PNG", size: tuple[int, int] = (6, 5)) -> bytes:
    values = np.random.default_rng(number).integers(0, 256, (*size, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind)
    return stream.getvalue()


def write_images(root: Path, classes: dict[str, int], start: int = 0) -> Path:
    for offset, (name, count) in enumerate(classes.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            (root / name / f"{index:03d}.png").write_bytes(image(start + 1000 * offset + index))
    return root


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "photos", {"ant": 40, "bee": 30, "cow": 20})


def ingest(folder: Path, path: Path, beam: BeamConfig | None = None, **settings: Any) -> Examples:
    examples = Examples.create(folder / "examples")
    config = ImageDataConfig(path=str(path), **settings)
    example_gen(
        examples=examples, config=config, beam=beam or BeamConfig(), context=Context.standalone(folder / "context")
    )
    return examples


def records(examples: Examples, split: str) -> list[dict[str, Any]]:
    return [
        {name: values[0] for name, values in decode_example(data).items()}
        for shard in examples.shards(split)
        for data in read_records(shard)
    ]


def all_records(examples: Examples) -> list[dict[str, Any]]:
    return [record for split in examples.splits for record in records(examples, split)]


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        total.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return total.hexdigest()


def findings(examples: Examples) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in examples.read_json("rejected.json")}


def test_every_picture_is_in_one_split_with_its_class_and_bytes(images: Path, tmp_path: Path) -> None:
    before = digest(images)
    examples = ingest(tmp_path, images, examples_per_shard=30)
    assert examples.properties == {
        "task": "image_classification",
        "splits": {"train": 72, "validation": 9, "test": 9},
        "labels": ["ant", "bee", "cow"],
        "label_counts": {"train": [32, 24, 16], "validation": [4, 3, 2], "test": [4, 3, 2]},
        "image_shape": [6, 5, 3],
        "channels": 3,
        "rejected": 0,
        "deep_bits": None,
        "source": "photos (image_folder)",
    }
    assert [shard.name for shard in examples.shards("train")] == [
        f"train-0000{number}-of-00003.tfrecord" for number in range(3)
    ]
    written = {record["image/source"].decode(): record for record in all_records(examples)}
    assert len(written) == 90
    for source, record in written.items():
        assert record["image/encoded"] == (images / source).read_bytes()
        assert (
            record["image/class/text"].decode() == source.split("/")[0] == examples.labels[record["image/class/label"]]
        )
        assert (record["image/height"], record["image/width"], record["image/channels"]) == (6, 5, 3)
        assert record["image/bytes"] == len(record["image/encoded"])
    assert {split: len(records(examples, split)) for split in examples.splits} == examples.splits
    assert examples.read_json("rejected.json") == []
    assert digest(images) == before, "the user's files must not change"
    assert not list(examples.path.glob(".*")), "no temporary file may stay"


def test_classes_are_mixed_within_a_shard(images: Path, tmp_path: Path) -> None:
    labels = [record["image/class/label"] for record in records(ingest(tmp_path, images), "train")]
    changes = sum(one != other for one, other in itertools.pairwise(labels))
    assert changes > 20


def test_the_bytes_do_not_depend_on_the_number_of_workers(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ingest(tmp_path / "one", images, examples_per_shard=10)
    monkeypatch.setattr(work, "CHUNK", 7)
    threads = BeamConfig(options={"direct_num_workers": 2, "direct_running_mode": "multi_threading"})
    two = ingest(tmp_path / "two", images, threads, examples_per_shard=10)
    assert digest(one.path) == digest(two.path)
    assert one.properties == two.properties


def test_adding_a_picture_leaves_nearly_all_others_in_their_split(images: Path, tmp_path: Path) -> None:
    first = ingest(tmp_path / "one", images)
    (images / "ant" / "new.png").write_bytes(image(77_777))
    second = ingest(tmp_path / "two", images)
    where = [
        {record["image/source"]: split for split in examples.splits for record in records(examples, split)}
        for examples in (first, second)
    ]
    assert sum(where[0][source] != where[1][source] for source in where[0]) <= 2


def bomb() -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def test_bad_pictures_are_counted_and_named_and_the_others_used(images: Path, tmp_path: Path) -> None:
    bad = {
        "corrupt_file": b"this is no picture at all",
        "truncated_file": image(1, "JPEG")[:200],
        "empty_file": b"",
        "too_many_pixels": bomb(),
        "zero_size_image": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(8) + b"\x08\x02\0\0\0" + bytes(40),
        "wrong_extension": image(123_456, "PNG"),
    }
    for name, content in bad.items():
        (images / "ant" / f"{name}.jpg").write_bytes(content)
    (images / "ant" / "notes.txt").write_text("mine")
    (images / "ant" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (images / "README.md").write_text("mine")
    (images / "empty").mkdir()
    write_images(images, {"lonely": 1}, start=50_000)
    (images / "spoilt").mkdir()
    (images / "spoilt" / "1.png").write_bytes(b"")
    examples = ingest(tmp_path, images)
    found = findings(examples)
    expected = {
        "corrupt_file": 1,
        "truncated_file": 1,
        "empty_file": 2,
        "too_many_pixels": 1,
        "zero_size_image": 1,
        "wrong_extension": 1,
        "unreadable_file": 1,
        "unknown_file": 1,
        "stray_file": 1,
        "single_image_class": 1,
        "empty_class": 2,
    }
    assert {name: item["count"] for name, item in found.items()} == expected
    for name in bad:
        item = found[name]
        assert f"ant/{name}.jpg" in {example["file"] for example in item["examples"]}
        assert item["examples"][0]["label"] == "ant"
        assert item["severity"] == ("warning" if name == "wrong_extension" else "error")
        assert 0 < item["share"] < 0.05
    assert examples.labels == ["ant", "bee", "cow", "lonely"]
    assert sum(examples.splits.values()) == 92
    assert examples.properties["rejected"] == 7


def test_the_same_picture_in_two_splits_stays_only_in_the_test_split(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for number, split in enumerate(["train", "test"]):
        write_images(root / split, {"ant": 20, "bee": 20}, start=100 * number)
    shared = (root / "test" / "ant" / "003.png").read_bytes()
    (root / "train" / "ant" / "copy.png").write_bytes(shared)
    examples = ingest(tmp_path, root, validation_fraction=0.1)
    item = findings(examples)["duplicate_across_splits"]
    assert (item["count"], item["examples"][0]["file"]) == (1, "train/ant/copy.png")
    assert "test/ant/003.png" in item["examples"][0]["detail"]
    assert examples.splits == {"train": 36, "validation": 4, "test": 40}
    assert Counter(record["image/encoded"] for record in all_records(examples))[shared] == 1


def test_copies_within_the_data_never_stand_in_two_splits(images: Path, tmp_path: Path) -> None:
    for index in range(20):
        (images / "ant" / f"copy{index}.png").write_bytes((images / "ant" / f"{index:03d}.png").read_bytes())
    (images / "bee" / "ant.png").write_bytes((images / "ant" / "001.png").read_bytes())
    examples = ingest(tmp_path, images)
    splits: dict[bytes, set[str]] = {}
    for split in examples.splits:
        for record in records(examples, split):
            splits.setdefault(record["image/encoded"], set()).add(split)
    assert all(len(names) == 1 for names in splits.values())
    found = findings(examples)
    assert found["duplicate_image"]["count"] == 21
    assert found["conflicting_labels"]["count"] == 1


def test_groups_stay_together(tmp_path: Path) -> None:
    root = write_images(tmp_path / "data", {"ant": 60, "bee": 60})
    for file in root.glob("*/*.png"):
        file.rename(file.with_name(f"person{int(file.stem) // 6}_{file.name}"))
    examples = ingest(tmp_path, root, group_by=r"(person\d+)_")
    people = {
        split: {record["image/source"].split(b"/")[1].split(b"_")[0] for record in records(examples, split)}
        for split in examples.splits
    }
    assert not people["train"] & people["test"]
    assert not people["train"] & people["validation"]
    assert all(people.values())


def test_chosen_classes_are_numbered_as_listed_and_limit_takes_of_every_class(images: Path, tmp_path: Path) -> None:
    examples = ingest(tmp_path, images, classes=("cow", "ant"), limit=30)
    assert examples.labels == ["cow", "ant"]
    assert sum(examples.splits.values()) == 30
    totals = [sum(counts) for counts in zip(*examples.properties["label_counts"].values(), strict=True)]
    assert totals == [10, 20]


def test_a_class_that_is_not_there_is_answered_with_the_nearest(images: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, images, classes=("cow", "art"))
    assert "Did you mean `ant`?" in caught.value.fix


def test_pictures_of_different_sizes_have_no_common_shape(images: Path, tmp_path: Path) -> None:
    (images / "ant" / "large.png").write_bytes(image(5, size=(20, 30)))
    assert ingest(tmp_path / "one", images).properties["image_shape"] is None


@pytest.mark.parametrize("content", ["nothing", "one class", "only bad"])
def test_data_with_nothing_usable_are_a_clear_error(tmp_path: Path, content: str) -> None:
    root = write_images(tmp_path / "data", {"ant": 3} if content == "one class" else {})
    (root / "bee").mkdir(parents=True)
    if content == "only bad":
        (root / "bee" / "1.png").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, root)
    assert caught.value.where == str(root)
    assert "One folder for each class" in caught.value.fix


def test_a_picture_that_changes_while_it_is_read_is_a_clear_error(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_and_plan(*arguments: Any) -> Any:
        (images / "ant" / "000.png").write_bytes(image(99_999))
        return plan_shards(*arguments)

    monkeypatch.setattr(work, "plan_shards", change_and_plan)
    with pytest.raises(UserError, match="changed while the data were read") as caught:
        ingest(tmp_path, images)
    assert caught.value.where == "ant/000.png"


def test_a_changed_file_changes_the_fingerprint_and_a_moved_folder_does_not(images: Path, tmp_path: Path) -> None:
    def content(path: Path) -> list[tuple[str, bytes]]:
        config = ImageDataConfig(path=str(path))
        trees = sources(config=config, beam=BeamConfig(), progress=Progress(quiet=True))
        return [(file.relative_to(tree.root).as_posix(), file.read_bytes()) for tree in trees for file in tree.files]

    before = content(images)
    images.rename(tmp_path / "moved")
    assert content(tmp_path / "moved") == before
    (tmp_path / "moved" / "ant" / "000.png").write_bytes(image(99_999))
    assert content(tmp_path / "moved") != before


def test_names_that_are_no_utf_8_come_through_and_stay_apart(images: Path, tmp_path: Path) -> None:
    folder = os.fsencode(images)
    for name in (b"ant/caf\xe9.png", b"ant/caf\xe8.png", b"b\xe9e/1.png", b"b\xe8e/1.png", b"ant/bad\xe9.png"):
        file = Path(os.fsdecode(folder + b"/" + name))
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"" if b"bad" in name else image(sum(name)))
    examples = ingest(tmp_path, images)
    assert set(examples.labels) == {"ant", "bee", "cow", "b\\xe9e", "b\\xe8e"}
    names = {record["image/source"].decode() for record in all_records(examples)}
    assert {"ant/caf\\xe9.png", "ant/caf\\xe8.png"} <= names
    empty = next(item for item in examples.read_json("rejected.json") if item["name"] == "empty_file")
    assert empty["examples"][0]["file"] == "ant/bad\\xe9.png"
    assert [source for source, _ in find_examples(examples, "image/source", {"ant/caf\\xe9.png"})]


def test_a_data_check_sees_what_example_gen_would_write(images: Path, tmp_path: Path) -> None:
    (images / "ant" / "bad.png").write_bytes(b"")
    summary = inspect(ImageDataConfig(path=str(images)), Progress(quiet=True))
    assert summary["classes"] == {"ant": 40, "bee": 30, "cow": 20}
    assert summary["splits"] == {"train": 72, "validation": 9, "test": 9}
    assert (summary["found"], summary["used"], summary["format"]) == (91, 90, "image_folder")
    assert summary["findings"][0]["name"] == "empty_file"


def test_a_data_set_of_tensorflow_datasets_is_read_as_tfds_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensorflow_datasets: Any = pytest.importorskip("tensorflow_datasets")
    pytest.importorskip("importlib_resources", reason="tensorflow-datasets 4.9.10 needs it without saying so")

    class Tiny(tensorflow_datasets.core.GeneratorBasedBuilder):
        VERSION = tensorflow_datasets.core.Version("1.0.0")

        def _info(self) -> Any:
            features = {
                "image": tensorflow_datasets.features.Image(),
                "label": tensorflow_datasets.features.ClassLabel(names=["ant", "bee"]),
            }
            return tensorflow_datasets.core.DatasetInfo(
                builder=self,
                features=tensorflow_datasets.features.FeaturesDict(features),
                supervised_keys=("image", "label"),
            )

        def _split_generators(self, manager: Any) -> Any:
            return {"train": self._generate_examples(0, 30), "test": self._generate_examples(30, 40)}

        def _generate_examples(self, start: int, stop: int) -> Any:
            for number in range(start, stop):
                yield number, {"image": io.BytesIO(image(number)), "label": number % 2}

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    Tiny(data_dir=str(tmp_path / "tfds")).download_and_prepare()
    examples = ingest(tmp_path, Path("tfds:tiny"))
    assert examples.labels == ["ant", "bee"]
    assert examples.splits["test"] == 10
    written = {record["image/encoded"]: record["image/class/label"] for record in all_records(examples)}
    assert written == {image(number): number % 2 for number in range(40)}


@pytest.mark.skipif("LABLINE_TEST_DATA" not in os.environ, reason="set LABLINE_TEST_DATA to the folder with real data")
def test_real_pictures_of_cifar_are_all_sound(tmp_path: Path) -> None:
    examples = ingest(tmp_path, Path(os.environ["LABLINE_TEST_DATA"]) / "cifar10", limit=1000)
    assert len(examples.labels) == 10
    assert examples.properties["image_shape"] == [32, 32, 3]
    assert examples.read_json("rejected.json") == []
    assert sum(examples.splits.values()) == 1000


@pytest.mark.skipif("LABLINE_TEST_DATA" not in os.environ, reason="set LABLINE_TEST_DATA to the folder with real data")
def test_real_mnist_keeps_its_given_splits(tmp_path: Path) -> None:
    examples = ingest(tmp_path, Path(os.environ["LABLINE_TEST_DATA"]) / "mnist", limit=2000, validation_fraction=0.3)
    assert examples.labels == [str(number) for number in range(10)]
    assert examples.properties["image_shape"] == [28, 28, 1]
    assert examples.splits["test"] == pytest.approx(286, abs=6)
    assert examples.splits["validation"] == pytest.approx(0.3 * (2000 - 286), abs=10)
