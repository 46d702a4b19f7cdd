"""Every format passes the contract on a fixture of its own, and names what is wrong with its data."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import formats
from data.formats import cifar, idx, image_csv, image_folder
from data.images.config import ImageDataConfig
from data.locate import locate
from data.sample import ImageSample, Problem
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.contracts_format import check_format


def listed(module: formats.ImageFormat, path: Path, kind: type = ImageSample, **settings: Any) -> list[Any]:
    items = module.list_samples(path, ImageDataConfig(path=str(path), **settings))
    return [item for item in items if isinstance(item, kind)]


# folders and zips


def test_image_folder_keeps_its_contract(images: Path) -> None:
    samples = check_format(image_folder, images)
    assert formats.detect(images) == "image_folder"
    assert [sample.label for sample in samples[:11]] == ["ant"] * 10 + ["bee"]
    assert samples[0].key == "ant/000.png"


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_read_as_the_folder_it_packs(
    images: Path, tmp_path: Path, make_zip: Callable[..., Path], compression: int
) -> None:
    archive = make_zip(tmp_path / "photos.zip", images, compression)
    samples = check_format(image_folder, archive)
    assert [(sample.key, sample.label) for sample in samples] == [
        (sample.key, sample.label) for sample in listed(image_folder, images)
    ]
    with image_folder.open_reader(archive) as read:
        assert read(samples[3].locator) == (images / samples[3].key).read_bytes()


def test_folders_around_everything_are_looked_through(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    make_folder(tmp_path / "data" / "v1" / "photos", {"ant": 2, "bee": 2})
    assert {sample.label for sample in listed(image_folder, tmp_path / "data")} == {"ant", "bee"}


def test_split_folders_are_recognised_by_their_usual_names(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    for number, split in enumerate(["Training", "val", "testing"]):
        make_folder(tmp_path / "data" / split, {"ant": 1, "bee": 1}, start=10 * number)
    found = {(sample.split, sample.label) for sample in listed(image_folder, tmp_path / "data")}
    assert found == {(split, label) for split in ("train", "validation", "test") for label in ("ant", "bee")}


def test_classes_that_are_called_test_and_control_are_classes(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    make_folder(tmp_path / "data", {"test": 2, "control": 2})
    assert {(sample.split, sample.label) for sample in listed(image_folder, tmp_path / "data")} == {
        (None, "test"),
        (None, "control"),
    }


def test_zips_named_as_splits_lie_side_by_side(
    tmp_path: Path, make_folder: Callable[..., Path], make_zip: Callable[..., Path]
) -> None:
    (tmp_path / "data").mkdir()
    for split in ("train", "test"):
        make_zip(tmp_path / "data" / f"{split}.zip", make_folder(tmp_path / split, {"ant": 2, "bee": 2}))
    samples = check_format(image_folder, tmp_path / "data")
    assert [sample.split for sample in samples] == ["test"] * 4 + ["train"] * 4


def test_pictures_may_lie_deeper_than_their_class(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    make_folder(tmp_path / "data" / "ant", {"2020": 1, "2021": 1})
    make_folder(tmp_path / "data", {"bee": 1})
    assert [sample.label for sample in listed(image_folder, tmp_path / "data")] == ["ant", "ant", "bee"]


def test_files_that_are_no_pictures_are_named_and_ignored(images: Path) -> None:
    (images / "README.txt").write_text("mine")
    (images / "stray.png").write_bytes(b"")
    (images / "ant" / "notes.txt").write_text("mine")
    (images / "ant" / "scan.svg").write_bytes(b"<svg/>")
    (images / "ant" / ".DS_Store").write_bytes(b"")
    (images / ".hidden").mkdir()
    problems = {(item.name, item.file) for item in listed(image_folder, images, Problem)}
    assert problems == {
        ("stray_file", "README.txt"),
        ("stray_file", "stray.png"),
        ("unknown_file", "ant/notes.txt"),
        ("unsupported_format", "ant/scan.svg"),
    }
    assert len(listed(image_folder, images)) == 30


def test_links_in_circles_do_not_hang(images: Path) -> None:
    (images / "ant" / "loop").symlink_to(images)
    names = [item.name for item in listed(image_folder, images, Problem)]
    assert names == ["unreadable_directory"]
    assert len(listed(image_folder, images)) >= 30


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user without rights")
def test_an_unreadable_folder_is_named_and_the_others_are_used(make_folder: Callable[..., Path]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = make_folder(Path(folder) / "photos", {"ant": 2, "bee": 2})
        Path(folder).chmod(0o755)
        (root / "bee").chmod(0)
        code = (
            "from data.formats import image_folder; from data.images.config import ImageDataConfig; from pathlib "
            "import Path; import os;"
            f"config = ImageDataConfig(path='x'); os.setgid(65534); os.setuid(65534); p = Path({str(root)!r});"
            "print([getattr(i, 'name', '') or i.key for i in image_folder.list_samples(p, config)])"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert run.stdout.strip() == "['ant/000.png', 'ant/001.png', 'unreadable_directory']", run.stderr


def test_a_name_that_is_not_utf8_is_read_and_shown(images: Path) -> None:
    with open(os.fsencode(images / "ant") + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123
        file.write((images / "ant" / "000.png").read_bytes())
    samples = check_format(image_folder, images)
    assert any(sample.key == "ant/caf\\xe9.png" for sample in samples)


def test_a_damaged_zip_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(UserError, match="damaged"):
        listed(image_folder, tmp_path / "photos.zip")


def test_a_damaged_member_of_a_zip_is_one_bad_picture(
    images: Path, tmp_path: Path, make_zip: Callable[..., Path]
) -> None:
    from data.sample import BadImage

    archive = make_zip(tmp_path / "photos.zip", images, zipfile.ZIP_STORED)
    sample = listed(image_folder, archive)[0]
    data = bytearray(archive.read_bytes())
    data[sample.locator[1] + 60] ^= 0xFF
    archive.write_bytes(data)
    with image_folder.open_reader(archive) as read, pytest.raises(BadImage) as caught:
        read(sample.locator)
    assert caught.value.args[0] == "corrupt_file"


# CSV


def write_csv(images: Path, text: str) -> Path:
    (images / "labels.csv").write_text(text, "utf-8-sig")
    return images / "labels.csv"


def test_image_csv_keeps_its_contract(images: Path) -> None:
    file = write_csv(images, "path,label,split\nant/000.png,A,train\nbee/000.png,B,val\ncow/001.png,A,\n")
    samples = check_format(image_csv, file)
    assert formats.detect(file) == "image_csv"
    assert [(sample.label, sample.split) for sample in samples] == [("A", "train"), ("B", "validation"), ("A", None)]


def test_columns_are_chosen_by_the_recipe_and_separators_found(images: Path) -> None:
    file = write_csv(images, "id;file;kind\n1;ant/000.png;A\n2;bee/000.png;B\n")
    assert [sample.label for sample in listed(image_csv, file, path_column="file", label_column="kind")] == ["A", "B"]


def test_paths_that_windows_wrote_are_found(images: Path) -> None:
    file = write_csv(images, "path,label\nant\\000.png,A\n")
    samples = listed(image_csv, file)
    assert [sample.key for sample in samples] == ["ant/000.png"]
    with image_csv.open_reader(file) as read:
        assert read(samples[0].locator)


def test_a_missing_column_is_answered_with_the_nearest(images: Path) -> None:
    file = write_csv(images, "paths,label\nant/000.png,A\n")
    with pytest.raises(UserError) as caught:
        listed(image_csv, file, path_column="path")
    assert "Did you mean `paths`?" in caught.value.fix


def test_an_unknown_split_is_answered_with_its_line(images: Path) -> None:
    file = write_csv(images, "path,label,split\nant/000.png,A,train\nant/001.png,A,tset\n")
    with pytest.raises(UserError) as caught:
        listed(image_csv, file)
    assert caught.value.where.endswith("line 3")


def test_bad_lines_are_counted(images: Path) -> None:
    file = write_csv(images, "path,label\nant/000.png,A\nonly one\n,B\n\nbee/000.png,B\n")
    assert [item.detail for item in listed(image_csv, file, Problem)] == ["1 cells instead of 2", "no path or no class"]
    assert len(listed(image_csv, file)) == 2


def test_lines_are_counted_as_an_editor_does(images: Path) -> None:
    file = write_csv(images, 'path,label,remark\nant/000.png,A,"two\nlines"\nonly one\n')
    assert [item.file for item in listed(image_csv, file, Problem)] == ["labels.csv, line 4"]


# IDX


def write_idx(folder: Path, split: str, count: int, zipped: bool = True, extra_labels: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(count).integers(0, 256, (count, 5, 4)).astype(np.uint8)
    images = b"\0\0\x08\x03" + b"".join(size.to_bytes(4, "big") for size in pixels.shape) + pixels.tobytes()
    labels = (
        b"\0\0\x08\x01"
        + (count + extra_labels).to_bytes(4, "big")
        + bytes(number % 3 for number in range(count + extra_labels))
    )
    for kind, content in (("images-idx3", images), ("labels-idx1", labels)):
        name = f"{split}-{kind}-ubyte"
        (folder / (name + (".gz" if zipped else ""))).write_bytes(gzip.compress(content) if zipped else content)


@pytest.mark.parametrize("zipped", [True, False])
def test_idx_keeps_its_contract(tmp_path: Path, zipped: bool) -> None:
    write_idx(tmp_path / "mnist", "train", 9, zipped)
    write_idx(tmp_path / "mnist", "t10k", 3, zipped)
    samples = check_format(idx, tmp_path / "mnist")
    assert formats.detect(tmp_path / "mnist") == "idx"
    assert [sample.split for sample in samples] == ["test"] * 3 + ["train"] * 9
    assert [sample.label for sample in samples[:3]] == ["0", "1", "2"]
    with idx.open_reader(tmp_path / "mnist") as read:
        pixels = read(samples[0].locator)
        assert isinstance(pixels, np.ndarray)
        assert pixels.shape == (5, 4)


def test_classes_of_idx_files_get_their_names(tmp_path: Path) -> None:
    write_idx(tmp_path / "mnist", "train", 9)
    assert {sample.label for sample in listed(idx, tmp_path / "mnist", class_names=("a", "b", "c"))} == {"a", "b", "c"}
    with pytest.raises(UserError, match="has no name"):
        listed(idx, tmp_path / "mnist", class_names=("a", "b"))


@pytest.mark.parametrize("damage", ["short", "gzip", "head", "labels", "missing"])
def test_a_damaged_idx_file_is_a_clear_error(tmp_path: Path, damage: str) -> None:
    write_idx(tmp_path / "mnist", "train", 9, extra_labels=1 if damage == "labels" else 0)
    images = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    data = images.read_bytes()
    if damage == "short":
        images.write_bytes(gzip.compress(gzip.decompress(data)[:-5]))
    elif damage == "gzip":
        images.write_bytes(data[:-30])
    elif damage == "head":
        images.write_bytes(gzip.compress(b"nonsense in place of the head"))
    elif damage == "missing":
        (tmp_path / "mnist" / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError), idx.open_reader(tmp_path / "mnist") as read:
        read(listed(idx, tmp_path / "mnist")[0].locator)


# CIFAR


def write_cifar10(folder: Path) -> Path:
    folder.mkdir()
    values = np.random.default_rng(0).integers(0, 256, (6, 3072)).astype(np.uint8)
    (folder / "batches.meta.txt").write_text("cat\ndog\n\n")
    for name, rows in (("data_batch_1.bin", values[:4]), ("test_batch.bin", values[4:])):
        (folder / name).write_bytes(b"".join(bytes([number % 2]) + row.tobytes() for number, row in enumerate(rows)))
    return folder


def test_binary_cifar_keeps_its_contract(tmp_path: Path) -> None:
    folder = write_cifar10(tmp_path / "cifar-10-batches-bin")
    samples = check_format(cifar, folder)
    assert formats.detect(folder) == "cifar"
    assert formats.detect(tmp_path) == "cifar", "the folder around it will do"
    assert [(sample.label, sample.split) for sample in samples] == [("cat", "train"), ("dog", "train")] * 2 + [
        ("cat", "test"),
        ("dog", "test"),
    ]


def test_cifar100_uses_the_fine_labels(tmp_path: Path) -> None:
    (tmp_path / "fine_label_names.txt").write_text("apple\npear\n")
    for name in ("train.bin", "test.bin"):
        (tmp_path / name).write_bytes(b"".join(bytes([9, number]) + bytes(3072) for number in range(2)))
    assert [sample.label for sample in check_format(cifar, tmp_path)] == ["apple", "pear"] * 2


def write_python_cifar(folder: Path, protocol: int = 2) -> Path:
    folder.mkdir()
    values = np.random.default_rng(0).integers(0, 256, (4, 3072)).astype(np.uint8)
    batch = {
        b"data": values,
        b"labels": [0, 1, 0, 1],
        b"filenames": [b"a.png", b"b.png", b"c.png", b"d.png"],
        b"batch_label": b"x",
    }
    for name in ("data_batch_1", "test_batch"):
        (folder / name).write_bytes(pickle.dumps(batch, protocol))
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"cat", b"dog"], b"num_vis": 3072}, protocol))
    return folder


@pytest.mark.parametrize("protocol", [2, 4])
def test_python_cifar_keeps_its_contract(tmp_path: Path, protocol: int) -> None:
    folder = write_python_cifar(tmp_path / "cifar-10-batches-py", protocol)
    samples = check_format(cifar, folder)
    assert samples[0].key == "data_batch_1/a.png"
    with cifar.open_reader(folder) as read:
        first = read(samples[0].locator)
    with (folder / "data_batch_1").open("rb") as file:
        expected = pickle.load(file)[b"data"][0]
    assert (first == expected.reshape(3, 32, 32).transpose(1, 2, 0)).all()


class Attack:
    """What a hostile file would hold: a call that leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.trace}",))


@pytest.mark.parametrize("where", ["data_batch_1", "batches.meta"])
def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path: Path, where: str) -> None:
    folder = write_python_cifar(tmp_path / "cifar")
    (folder / where).write_bytes(
        pickle.dumps({b"data": Attack(tmp_path / "trace"), b"label_names": Attack(tmp_path / "trace")})
    )
    with pytest.raises(UserError, match="system"):
        listed(cifar, folder)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    "name", ["builtins.eval", "builtins.getattr", "numpy.load", "numpy.core.multiarray.frombuffer", "codecs.open"]
)
def test_the_unpickler_builds_nothing_but_arrays(tmp_path: Path, name: str) -> None:
    module, _, function = name.rpartition(".")
    folder = write_python_cifar(tmp_path / "cifar")
    (folder / "data_batch_1").write_bytes(b"c" + f"{module}\n{function}\n".encode() + b".")
    with pytest.raises(UserError, match="wants to build"):
        listed(cifar, folder)


def test_a_shortened_cifar_file_is_a_clear_error(tmp_path: Path) -> None:
    folder = write_cifar10(tmp_path / "cifar")
    (folder / "test_batch.bin").write_bytes((folder / "test_batch.bin").read_bytes()[:-1])
    with pytest.raises(UserError, match="cut short"):
        listed(cifar, folder)


# finding the format and the data


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        formats.find("image_foldr")
    assert "Did you mean `image_folder`?" in caught.value.fix


def test_data_in_no_known_format_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="none of the known formats"):
        formats.detect(tmp_path)


def test_neither_path_nor_data_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        locate(ImageDataConfig(path="mnits"), Progress(quiet=True))
    assert "Did you mean `mnist`?" in caught.value.fix
    with pytest.raises(UserError, match="no such file"):
        locate(ImageDataConfig(path="./photos"), Progress(quiet=True))


def test_a_tar_is_unpacked_once_among_the_data_sets(images: Path, tmp_path: Path, data_folder: Path) -> None:
    with tarfile.open(tmp_path / "photos.tar.gz", "w:gz") as archive:
        archive.add(images, "photos")
    first, _ = locate(ImageDataConfig(path=str(tmp_path / "photos.tar.gz")), Progress(quiet=True))
    second, _ = locate(ImageDataConfig(path=str(tmp_path / "photos.tar.gz")), Progress(quiet=True))
    assert first == second
    assert data_folder in first.parents
    assert len(check_format(image_folder, first)) == 30
