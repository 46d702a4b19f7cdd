"""Tables as competitions have them lead to the pictures of their own folder and to the classes that they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.findings import Findings
from data.formats import image_csv
from data.images.config import ImageDataConfig
from data.images.ingest import report_combined
from data.sample import ImageSample
from labline.cli.data_check import task_of_data
from pipeline.errors import UserError
from tests.support.image_trees import write


def labels(path: Path, **said: object) -> dict[str, tuple[str, str | None]]:
    """Return class and split of each picture."""
    items = image_csv.list_samples(path, ImageDataConfig.model_validate({"path": str(path), **said}))
    return {item.key: (item.label, item.split) for item in items if isinstance(item, ImageSample)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with pictures of equal names for training and for testing."""
    return write(tmp_path, "train/*8", "test/*8")


def table(head: str, cells: list[str]) -> str:
    return "\n".join([head, *(f"{number}.png{cell and ','}{cell}" for number, cell in enumerate(cells))])


def test_tables_named_as_split_folders_belong_to_the_pictures_in_them(root: Path) -> None:
    (root / "train.csv").write_text(table("file,label", ["cat", "dog"] * 4))
    (root / "test.csv").write_text(table("file,label", ["dog", "cat"] * 4))
    found = labels(root)
    assert found["train/0.png"] == ("cat", "train") and found["test/0.png"] == ("dog", "test")
    assert len(found) == 16


def test_a_column_of_classes_that_the_recipe_names_may_be_missing_in_the_table_of_the_test(root: Path) -> None:
    (root / "train.csv").write_text(table("file,diagnosis", ["0", "1"] * 4))
    (root / "test.csv").write_text(table("file", [""] * 8))
    assert {label for label, _ in labels(root, label_column="diagnosis").values()} == {"0", "1"}
    assert labels(root, label_column="diagnosis") == labels(root)
    with pytest.raises(UserError, match="no column `other`"):
        labels(root, label_column="other")


def test_classes_that_were_written_as_whole_numbers_with_a_point_are_classes(tmp_path: Path) -> None:
    write(tmp_path, "images/*8")
    (tmp_path / "labels.csv").write_text(table("file,target", ["0.0", "1.0"] * 4))
    assert {label for label, _ in labels(tmp_path / "labels.csv").values()} == {"0.0", "1.0"}


def test_columns_with_blanks_in_their_names_are_proposed_as_a_shell_takes_them(tmp_path: Path) -> None:
    write(tmp_path, "images/*8")
    rows = [f"{kind},{'ab'[number // 4]}" for number, kind in enumerate(["x", "y"] * 4)]
    (tmp_path / "labels.csv").write_text(table("file,Finding Labels,site", rows))
    with pytest.raises(UserError) as caught:
        labels(tmp_path / "labels.csv")
    assert "`data.label_column='Finding Labels'` or `data.label_column=site`" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (",".join(["label", *(f"pixel{number}" for number in range(784))]), ",".join(["3", *["0"] * 784])),
        ("emotion,pixels,Usage", f"0,{' '.join(['70'] * 2304)},Training"),
    ],
)
def test_tables_of_pixels_are_no_series_and_are_told(tmp_path: Path, head: str, line: str) -> None:
    (tmp_path / "train.csv").write_text(f"{head}\n{line}\n{line}\n")
    for place in (tmp_path, tmp_path / "train.csv"):
        with pytest.raises(UserError, match="pixels of pictures"):
            task_of_data(str(place))


def test_tags_in_one_cell_are_told_as_made_of_each_other_and_names_of_two_words_are_not() -> None:
    found = Findings()
    report_combined(["cats", "dogs", "cats water", "dogs water"], found)
    assert found.counts == {"combined_classes": 2}
    report_combined(["dog", "hot dog", "new york", "york"], plain := Findings())
    assert plain.counts == {}
