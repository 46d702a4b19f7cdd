"""Tables of classes: every line's picture has the class that the line says, however the table is laid out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from data import formats
from data.formats import image_csv, image_folder
from data.images.check import inspect
from data.images.config import ImageDataConfig
from data.sample import ImageSample, Problem
from labline.cli.data_check import show_data_check, task_of_data
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.contracts_format import check_format

MakeImage = Callable[..., bytes]


def config(path: Path, said: dict[str, Any]) -> ImageDataConfig:
    return ImageDataConfig.model_validate({"path": str(path), **said})


def found(path: Path, **said: Any) -> dict[str, tuple[str, str | None]]:
    """Return class and split of each picture, all of which are there."""
    listed = [item for item in image_csv.list_samples(path, config(path, said)) if isinstance(item, ImageSample)]
    with image_csv.open_reader(path) as read:
        assert all(read(item.locator) for item in listed)
    return {item.key: (item.label, item.split) for item in listed}


def problems(path: Path, **said: Any) -> dict[str, list[Problem]]:
    told: dict[str, list[Problem]] = {}
    for item in image_csv.list_samples(path, config(path, said)):
        if isinstance(item, Problem):
            told.setdefault(item.name, []).append(item)
    return told


def settings_told(path: Path, **said: Any) -> str:
    return problems(path, **said)["found_columns"][0].detail


def stop(path: Path, **said: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        list(image_csv.list_samples(path, config(path, said)))
    return caught.value


def ways_out(error: UserError) -> list[dict[str, Any]]:
    """Return the settings that an error's remedy names, as a shell and YAML read them."""
    ways = re.findall(r"`data\.(\w+)='?(.*?)'?`", error.fix)
    assert ways, error.fix
    return [{key: yaml.safe_load(value)} for key, value in ways]


@pytest.fixture
def write(tmp_path: Path, make_image: MakeImage) -> Callable[..., Path]:
    """Write pictures of these names below `data`, and a table there."""
    numbers = itertools.count()

    def write(names: list[str], table: str = "", text: str = "") -> Path:
        for name in names:
            (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / name).write_bytes(make_image(next(numbers), "PNG"))
        if table:
            (tmp_path / "data" / table).write_text(text, "utf-8")
        return tmp_path / "data" / table

    return write


IDS = [f"{number:04x}" for number in range(40)]
PETS = ["cat" if number % 3 else "dog" for number in range(40)]


def lines(head: str, *columns: list[str], separator: str = ",") -> str:
    rows = [separator.join(cells) for cells in zip(*columns, strict=True)]
    return "\n".join([head, *rows] if head else rows) + "\n"


def test_names_without_folder_and_ending_are_found_and_told(write: Callable[..., Path]) -> None:
    table = write([f"train/{name}.png" for name in IDS], "labels.csv", lines("id,breed", IDS, PETS))
    assert found(table) == {f"train/{name}.png": (pet, None) for name, pet in zip(IDS, PETS, strict=True)}
    assert settings_told(table) == (
        "data.path_column=id, data.label_column=breed, data.image_folder=train, data.image_ending=.png"
    )
    check_format(image_csv, table)
    assert task_of_data(str(table)) == "image_classification"
    said = {"path_column": "id", "label_column": "breed", "image_folder": "train", "image_ending": "png"}
    assert found(table, **said) == found(table)
    assert not problems(table, **said)


def test_names_that_fit_two_folders_stop_and_each_way_out_works(write: Callable[..., Path]) -> None:
    names = [f"{folder}/{name}.png" for folder in ("large", "small") for name in IDS]
    error = stop(write(names, "labels.csv", lines("id,breed", IDS, PETS)))
    table = write([], "labels.csv", lines("id,breed", IDS, PETS))
    assert [{key.partition("/")[0] for key in found(table, **way)} for way in ways_out(error)] == [{"large"}, {"small"}]


def test_pictures_of_one_table_may_lie_in_several_folders(write: Callable[..., Path]) -> None:
    names = [f"part_{number % 2}/{name}.png" for number, name in enumerate(IDS)]
    table = write(names, "labels.csv", lines("image_id,dx", IDS, PETS))
    assert found(table) == {key: (pet, None) for key, pet in zip(names, PETS, strict=True)}
    (table.parent / "part_0" / "0001.png").write_bytes(b"1")
    assert [item.file for item in problems(table)["ambiguous_name"]] == ["labels.csv, line 3"]


@pytest.mark.parametrize("form", ["names", "ids", "windows"])
def test_a_table_without_names_of_columns_keeps_its_first_line(form: str, write: Callable[..., Path]) -> None:
    names = [f"img/{name}.png" for name in IDS]
    said = {"names": names, "ids": IDS, "windows": [name.replace("/", "\\") for name in names]}[form]
    table = write(names, "labels.csv", lines("", said, PETS))
    assert found(table) == {key: (pet, None) for key, pet in zip(names, PETS, strict=True)}
    assert "no line with names" in settings_told(table)
    error = stop(table, label_column="breed")
    assert "`column2`" in error.fix
    assert found(table, label_column="column2", path_column="column1") == found(table)


@pytest.mark.parametrize(
    "head", ["filename,label", "image,class", "file_name,category", "Bild,Art", "path,species", "ID,Target"]
)
def test_columns_are_known_by_what_they_hold(head: str, write: Callable[..., Path]) -> None:
    names = [f"{name}.png" for name in IDS]
    assert found(write(names, "labels.csv", lines(head, names, PETS))) == {
        name: (pet, None) for name, pet in zip(names, PETS, strict=True)
    }


def test_several_columns_that_may_be_the_classes_stop_and_each_way_out_works(write: Callable[..., Path]) -> None:
    sexes = ["male" if number % 2 else "female" for number in range(40)]
    table = write([f"{name}.png" for name in IDS], "labels.csv", lines("id,pet,sex", IDS, PETS, sexes))
    assert [{label for label, _ in found(table, **way).values()} for way in ways_out(stop(table))] == [
        {"cat", "dog"},
        {"male", "female"},
    ]


def test_numbers_and_names_of_the_same_classes_are_no_two_columns_to_choose_from(write: Callable[..., Path]) -> None:
    numbers = [str(len(pet) + (pet == "cat")) for pet in PETS]
    heights = [f"{number * 1.5}" for number in range(40)]
    table = write(
        [f"{name}.png" for name in IDS], "labels.csv", lines("id,pet_id,pet,height", IDS, numbers, PETS, heights)
    )
    assert {label for label, _ in found(table).values()} == {"cat", "dog"}


def test_a_column_of_0_and_1_for_each_class_is_read_with_the_splits_of_its_folders(write: Callable[..., Path]) -> None:
    truth: dict[str, tuple[str, str | None]] = {}
    for number, split in enumerate(("train", "valid", "test")):
        names = [f"{split}{name}.rf.{number}.png" for name in IDS[:6]]
        cats = ["1" if place % 2 else "0" for place in range(6)]
        dogs = ["0" if place % 2 or place == 0 else "1" for place in range(6)]
        write(
            [f"{split}/{name}" for name in names],
            f"{split}/_classes.csv",
            lines("filename, cat, dog", names, cats, dogs),
        )
        given = {"valid": "validation"}.get(split, split)
        truth |= {
            f"{split}/{name}": ("cat" if place % 2 else "dog", given) for place, name in enumerate(names) if place
        }
    path = write([])
    assert formats.detect(path) == "image_csv"
    assert found(path) == truth
    assert len(problems(path)["unlabelled_image"]) == 3
    check_format(image_csv, path)
    assert task_of_data(str(path)) == "image_classification"
    assert inspect(ImageDataConfig(path=str(path)), Progress())["classes"] == {"cat": 9, "dog": 6}


def test_several_classes_of_one_picture_stop(write: Callable[..., Path]) -> None:
    names = [f"{name}.png" for name in IDS[:4]]
    table = write(names, "labels.csv", lines("filename,cat,dog", names, ["1", "0", "1", "0"], ["0", "1", "1", "0"]))
    error = stop(table)
    assert "several classes: cat, dog" in error.what
    assert error.where.endswith("labels.csv, line 4")


def test_a_test_table_without_classes_is_told_and_the_example_of_answers_is_not_read(
    write: Callable[..., Path],
) -> None:
    write(
        [f"test_images/t{name}.png" for name in IDS[:5]], "test.csv", lines("id_code", [f"t{name}" for name in IDS[:5]])
    )
    answers = lines("id_code,diagnosis", [f"t{name}" for name in IDS[:5]], ["0"] * 5)
    write([], "sample_submission.csv", answers)
    stages = [str(number % 4) for number in range(40)]
    table = write([f"train_images/{name}.png" for name in IDS], "train.csv", lines("id_code,diagnosis", IDS, stages))
    path = table.parent
    assert formats.detect(path) == "image_csv"
    assert found(path) == {f"train_images/{name}.png": (stage, None) for name, stage in zip(IDS, stages, strict=True)}
    told = problems(path)
    assert {item.file for item in told["unlabelled_image"]} == {f"test_images/t{name}.png" for name in IDS[:5]}
    assert [item.file for item in told["stray_file"]] == ["sample_submission.csv"]
    assert "no column" in stop(path / "test.csv").what.lower()


def test_tables_named_as_splits_give_the_splits(write: Callable[..., Path]) -> None:
    for split, some in (("train", slice(0, 30)), ("val", slice(30, 40))):
        names = [f"img/{name}.png" for name in IDS[some]]
        path = write(names, f"{split}_labels.csv", lines("image,class", names, PETS[some])).parent
    assert [sum(split == given for _, split in found(path).values()) for given in ("train", "validation")] == [30, 10]


def test_several_tables_with_classes_stop_and_each_way_out_works(write: Callable[..., Path]) -> None:
    names = [f"img/{name}.png" for name in IDS]
    for word, classes in (("one", PETS), ("two", list(reversed(PETS)))):
        path = write(names, f"{word}.csv", lines("image,class", names, classes)).parent
    assert [len(found(Path(way["path"]))) for way in ways_out(stop(path))] == [40, 40]


def test_a_table_that_says_what_the_folders_say_leaves_them_alone(write: Callable[..., Path]) -> None:
    names = [f"{pet}/{name}.png" for name, pet in zip(IDS, PETS, strict=True)]
    path = write(names, "labels.csv", lines("file,pet", names, PETS)).parent
    assert formats.detect(path) == "image_folder"


def test_a_table_that_says_other_classes_than_the_folders_stops(write: Callable[..., Path]) -> None:
    names = [f"herd{number % 2}/{name}.png" for number, name in enumerate(IDS)]
    path = write(names, "labels.csv", lines("image_id,dx", IDS, PETS)).parent
    assert formats.detect(path) == "image_csv"
    error = stop(path)
    assert "herd0, herd1" in error.what
    table, folders = ways_out(error)
    assert {label for label, _ in found(Path(table["path"])).values()} == {"cat", "dog"}
    assert folders == {"format": "image_folder"}


def test_a_column_of_splits_is_known_by_its_words(write: Callable[..., Path]) -> None:
    names = [f"{name}.png" for name in IDS]
    sets = ["training" if number % 2 else "test_set" for number in range(40)]
    table = write(names, "labels.csv", lines("filepaths,labels,data set", names, PETS, sets))
    assert {split for _, split in found(table).values()} == {"train", "test"}
    assert "data.split_column=data set" in settings_told(table)


def test_a_series_beside_pictures_stays_a_series(write: Callable[..., Path]) -> None:
    days = [f"2020-01-{day:02d}" for day in range(1, 29)]
    path = write(["plot.png", "figures/1.png"], "sales.csv", lines("day,sold", days, [str(day) for day in range(28)]))
    assert task_of_data(str(path)) == "forecasting"


def test_a_key_of_another_task_is_answered_with_whose_data_these_were_taken_for(write: Callable[..., Path]) -> None:
    days = [f"2020-01-{day:02d}" for day in range(1, 29)]
    path = write([], "", "")
    path.mkdir(exist_ok=True)
    (path / "sales.csv").write_text(lines("day,sold", days, [str(day) for day in range(28)]))
    with pytest.raises(UserError) as caught:
        show_data_check(str(path / "sales.csv"), ["data.path_column=day"], "auto", as_json=False)
    assert "Taken for data of forecasting" in caught.value.fix
    assert "`data.path_column` is a key of image_classification" in caught.value.fix
    assert "Did you mean `data.time_column`" not in caught.value.fix


def test_the_same_picture_with_two_classes_is_told(write: Callable[..., Path]) -> None:
    names = [f"{name}.png" for name in IDS]
    table = write(names, "labels.csv", lines("path,label", [*names, names[0]], [*PETS, "cat"]))
    told = {item["name"]: item for item in inspect(ImageDataConfig(path=str(table)), Progress())["findings"]}
    assert told["conflicting_labels"]["examples"][0]["file"] == names[0]


@pytest.mark.parametrize("form", ["C:\\Users\\me\\data\\img\\{}.png", "/content/drive/img/{}.png", "data/img/{}.png"])
def test_folders_of_another_machine_before_all_names_are_left_out_and_told(
    form: str, write: Callable[..., Path]
) -> None:
    names = [f"img/{name}.png" for name in IDS]
    table = write(names, "labels.csv", lines("path,label", [form.format(name) for name in IDS], PETS))
    assert found(table) == {key: (pet, None) for key, pet in zip(names, PETS, strict=True)}
    assert "names without" in settings_told(table)


@pytest.mark.parametrize("form", ["{}.PNG", "img/{}%20x.png", "IMG/{}.png"])
def test_names_that_are_spelled_otherwise_are_found_and_told(form: str, write: Callable[..., Path]) -> None:
    names = [f"img/{name} x.png" if "%20" in form else f"img/{name}.png" for name in IDS]
    table = write(names, "labels.csv", lines("path,label", [form.format(name) for name in IDS], PETS))
    assert found(table) == {key: (pet, None) for key, pet in zip(names, PETS, strict=True)}
    assert "spelled otherwise" in settings_told(table)


def test_a_name_that_is_not_there_is_not_given_a_picture_of_another_folder(write: Callable[..., Path]) -> None:
    names = [*(f"a/{name}.png" for name in IDS), "b/lost.png"]
    table = write(names, "labels.csv", lines("path,label", [*names[:-1], "a/lost.png"], [*PETS, "cat"]))
    listed = [item.key for item in image_csv.list_samples(table, config(table, {})) if isinstance(item, ImageSample)]
    assert listed == [*names[:-1], "a/lost.png"]


def test_a_table_with_more_columns_than_the_folders_say_leaves_them_alone(write: Callable[..., Path]) -> None:
    names = [f"{pet}/{name}.png" for name, pet in zip(IDS, PETS, strict=True)]
    sexes = ["male" if number % 2 else "female" for number in range(40)]
    path = write(names, "about.csv", lines("file,sex,pet", names, sexes, PETS)).parent
    assert formats.detect(path) == "image_folder"


def test_a_table_of_other_things_than_the_folders_stops_in_a_folder_around_and_in_a_zip(
    write: Callable[..., Path], tmp_path: Path, make_zip: Callable[..., Path]
) -> None:
    names = [f"herd{number % 2}/{name}.png" for number, name in enumerate(IDS)]
    sexes = ["male" if number % 3 else "female" for number in range(40)]
    path = write(names, "about.csv", lines("id,pet,sex", IDS, PETS, sexes)).parent
    (tmp_path / "around").mkdir()
    path.rename(tmp_path / "around" / "data")
    assert formats.detect(tmp_path / "around") == "image_csv"
    assert ways_out(stop(tmp_path / "around"))[0] == {"path": str(tmp_path / "around" / "data" / "about.csv")}
    archive = make_zip(tmp_path / "photos.zip", tmp_path / "around" / "data")
    with pytest.raises(UserError, match="about.csv in this zip") as caught:
        list(image_folder.list_samples(archive, config(archive, {})))
    assert ways_out(caught.value) == [{"format": "image_folder"}]
    assert list(image_folder.list_samples(archive, config(archive, {"format": "image_folder"})))


def test_pictures_in_a_folder_that_no_table_names_are_told(write: Callable[..., Path]) -> None:
    names = [f"train/{name}.png" for name in IDS]
    path = write([*names, "test/1.png"], "labels.csv", lines("id,pet", IDS, PETS)).parent
    assert set(found(path)) == set(names)
    assert [item.file for item in problems(path)["unlabelled_image"]] == ["test/1.png"]


def test_classes_that_are_made_of_other_classes_are_told(write: Callable[..., Path]) -> None:
    names = [f"{name}.png" for name in IDS]
    pets = ["cat dog" if number % 5 == 0 else pet for number, pet in enumerate(PETS)]
    table = write(names, "labels.csv", lines("path,label", names, pets))
    told = {item["name"]: item for item in inspect(ImageDataConfig(path=str(table)), Progress())["findings"]}
    assert told["combined_classes"]["examples"][0]["label"] == "cat dog"


@pytest.mark.parametrize(
    "said",
    [{"split_folders": "none"}, {"split_folders": {"a": "train"}}, {"format": "image_folder", "label_column": "pet"}],
)
def test_settings_that_find_nothing_to_act_on_stop(said: dict[str, Any], write: Callable[..., Path]) -> None:
    names = [f"{pet}/{name}.png" for name, pet in zip(IDS, PETS, strict=True)]
    table = write(names, "labels.csv", lines("path,label", names, PETS))
    path = table.parent if "format" in said else table
    with pytest.raises(UserError, match="finds nothing to act on"):
        inspect(config(path, said), Progress())


def test_classes_that_are_numbers_get_their_names_or_stop(write: Callable[..., Path]) -> None:
    names = [f"{name}.png" for name in IDS]
    table = write(names, "labels.csv", lines("path,label", names, [str(number % 2) for number in range(40)]))
    checked = inspect(config(table, {"class_names": ("cat", "dog")}), Progress())
    assert checked["classes"] == {"cat": 20, "dog": 20}
    (table.parent / "from_1.csv").write_text(lines("path,label", names, [str(number % 2 + 1) for number in range(40)]))
    with pytest.raises(UserError, match="Class 2 has no name"):
        inspect(config(table.parent / "from_1.csv", {"class_names": ("cat", "dog")}), Progress())
