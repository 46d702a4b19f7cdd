"""Data that are not what their owner believes: each is told what is wrong, and none hangs, crashes or is misread."""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from data import formats
from data.beam import run_pipeline
from data.config import BeamConfig
from data.formats import image_csv, image_folder
from data.images.config import ImageDataConfig
from data.images.ingest import survey
from data.sample import ImageSample, Problem
from pipeline.errors import UserError
from pipeline.progress import Progress


def listed(module: formats.ImageFormat, path: Path) -> tuple[list[ImageSample], list[Problem]]:
    items = list(module.list_samples(path, ImageDataConfig(path=str(path))))
    return [item for item in items if isinstance(item, ImageSample)], [
        item for item in items if isinstance(item, Problem)
    ]


def refusal(path: Path, folder: Path) -> UserError:
    with pytest.raises(UserError) as refused:
        survey(path, ImageDataConfig(path=str(path)), BeamConfig(), folder / "ingest", Progress())
    return refused.value


def test_a_pipe_or_a_dangling_link_among_the_pictures_is_named_and_never_opened(images: Path) -> None:
    os.mkfifo(images / "ant" / "pipe.png")
    (images / "ant" / "to_pipe.png").symlink_to("pipe.png")
    (images / "bee" / "gone.png").symlink_to("nowhere.png")
    (images / "cow" / "self.png").symlink_to("self.png")
    samples, problems = listed(image_folder, images)
    assert len(samples) == 30
    assert {(problem.name, problem.file, problem.detail) for problem in problems} == {
        ("unreadable_file", "ant/pipe.png", "a pipe, socket or device"),
        ("unreadable_file", "ant/to_pipe.png", "a link to a pipe, socket or device, or to nothing"),
        ("unreadable_file", "bee/gone.png", "a link to a pipe, socket or device, or to nothing"),
        ("unreadable_file", "cow/self.png", "Too many levels of symbolic links"),
    }
    assert len(image_folder.sources(images, ImageDataConfig(path=str(images)))) == 30


def test_a_folder_beside_train_and_test_does_not_turn_them_into_classes(
    tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    for split in ("train", "test"):
        make_folder(tmp_path / "photos" / split, {"ant": 3, "bee": 3})
    make_folder(tmp_path / "photos", {"unlabelled": 2})
    samples, problems = listed(image_folder, tmp_path / "photos")
    assert {(sample.label, sample.split) for sample in samples} == {
        (label, split) for label in ("ant", "bee") for split in ("train", "test")
    }
    assert [(problem.name, problem.file) for problem in problems] == [
        ("beside_splits", "unlabelled/000.png"),
        ("beside_splits", "unlabelled/001.png"),
    ]


def test_a_class_that_is_called_train_stays_a_class(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    make_folder(tmp_path / "vehicles", {"bus": 2, "train": 2, "tram": 2})
    samples, problems = listed(image_folder, tmp_path / "vehicles")
    assert {sample.label for sample in samples} == {"bus", "train", "tram"}
    assert not problems


@pytest.mark.parametrize("content", [b"", b"no zip at all", None])
def test_a_damaged_zip_is_called_damaged_and_not_an_unknown_format(
    images: Path, tmp_path: Path, make_zip: Callable[..., Path], content: bytes | None
) -> None:
    archive = make_zip(tmp_path / "photos.zip", images)
    archive.write_bytes(archive.read_bytes()[:2000] if content is None else content)
    assert formats.detect(archive) == "image_folder"
    assert "damaged" in refusal(archive, tmp_path).what


def test_a_zip_with_backslashes_has_the_classes_of_its_folders(
    tmp_path: Path, make_image: Callable[..., bytes]
) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for label in ("ant", "bee"):
            archive.writestr(f"photos\\{label}\\1.png", make_image(1))
    samples, _ = listed(image_folder, tmp_path / "photos.zip")
    assert [(sample.key, sample.label) for sample in samples] == [
        ("photos/ant/1.png", "ant"),
        ("photos/bee/1.png", "bee"),
    ]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_csv_that_is_not_utf_8_is_refused_before_its_classes_are_mixed_up(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "labels.csv").write_bytes("path,label\n1.png,é\n2.png,è\n".encode(encoding))
    with pytest.raises(UserError) as refused:
        listed(image_csv, tmp_path / "labels.csv")
    assert "UTF-8" in refused.value.what
    assert "UTF-8" in refused.value.fix


def test_spaces_around_the_column_names_of_a_csv_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path , label\n1.png, ant\n")
    samples, _ = listed(image_csv, tmp_path / "labels.csv")
    assert [(sample.key, sample.label) for sample in samples] == [("1.png", "ant")]


def test_a_line_of_a_csv_with_a_zero_byte_is_counted(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"path,label\n1\0.png,ant\n2.png,bee\n")
    samples, problems = listed(image_csv, tmp_path / "labels.csv")
    assert [sample.key for sample in samples] == ["2.png"]
    assert problems[0].file == "labels.csv, line 2"


def test_a_csv_may_name_a_pipe_without_hanging_the_reader(tmp_path: Path) -> None:
    from data.sample import BadImage

    os.mkfifo(tmp_path / "pipe.png")
    with (
        image_csv.open_reader(tmp_path / "labels.csv") as read,
        pytest.raises(BadImage, match="pipe"),
    ):
        read(("pipe.png",))


def test_a_folder_read_as_csv_is_an_error_of_the_users(images: Path) -> None:
    with pytest.raises(UserError, match="no table"):
        listed(image_csv, images)


def test_what_a_worker_says_reaches_the_user_without_a_traceback_or_beams_remarks(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    head = (0x803).to_bytes(4, "big") + b"".join(number.to_bytes(4, "big") for number in (4, 2, 2))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(head + bytes(10))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(
        (0x801).to_bytes(4, "big") + (4).to_bytes(4, "big") + bytes([0, 1, 0, 1])
    )
    with caplog.at_level(logging.INFO, "pipeline"):
        error = refusal(tmp_path, tmp_path / "work")
    assert error.what == "The file ends early: 10 of 16 values."
    assert error.fix == "Get it again."
    assert "Traceback" not in caplog.text + capfd.readouterr().err


def test_a_folder_with_a_csv_beside_its_pictures_is_told_to_give_the_csv(
    tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    make_folder(tmp_path / "photos", {"all": 4})
    (tmp_path / "photos" / "labels.csv").write_text("path,label\n")
    error = refusal(tmp_path / "photos", tmp_path)
    assert error.what == "Only 1 class has usable pictures; two are needed."
    assert f"data.path={tmp_path / 'photos' / 'labels.csv'}" in error.fix


def test_data_without_folders_are_not_told_to_make_folders(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,label\n")
    error = refusal(tmp_path / "labels.csv", tmp_path)
    assert error.what == "There are no pictures."
    assert "One folder for each class" not in error.fix
    assert "image_csv" in error.fix


def test_a_table_that_lies_elsewhere_is_told_from_where_its_paths_are_read(tmp_path: Path, images: Path) -> None:
    names = [f"ant/{path.name},ant" for path in sorted((images / "ant").iterdir())]
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "labels.csv").write_text("\n".join(["path,label", *names]))
    error = refusal(tmp_path / "tables" / "labels.csv", tmp_path)
    assert error.what == "No class has usable pictures; two are needed."
    assert f"relative to the table's folder, {tmp_path / 'tables'}" in error.fix


def test_why_no_picture_can_be_used_is_said_with_an_example(
    tmp_path: Path, images: Path, make_zip: Callable[..., Path]
) -> None:
    archive = make_zip(tmp_path / "photos.zip", images, zipfile.ZIP_LZMA)
    assert "its compression is neither `stored` nor `deflate`" in refusal(archive, tmp_path).fix


def test_an_empty_folder_is_called_empty(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="empty"):
        formats.detect(tmp_path)


def interrupt(_: int) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_that_meets_a_worker_stops_the_run_as_ctrl_c_and_not_as_a_failure() -> None:
    import apache_beam

    with pytest.raises(KeyboardInterrupt), run_pipeline(BeamConfig()) as pipeline:
        _ = pipeline | apache_beam.Create([1]) | apache_beam.Map(interrupt)
