"""The catalogue is complete and honest: no checksum that is not in its stated source."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from data import catalog
from data.detection.config import DetectionDataConfig
from data.images.config import ImageDataConfig
from data.locate import locate
from data.series.config import SeriesDataConfig
from pipeline.errors import UserError
from pipeline.progress import Progress

NAMED_IN_THE_LABS = {
    "mnist",
    "fashion_mnist",
    "cifar10",
    "cifar100",
    "linnaeus5",
    "caltech101",
    "caltech256",
    "core50",
    "cityscapes",
    "hasyv2",
    "digits",
    "flowers",
}
SECTIONS = {
    "image_classification": ImageDataConfig,
    "forecasting": SeriesDataConfig,
    "object_detection": DetectionDataConfig,
}


def test_every_data_set_of_the_labs_has_an_entry() -> None:
    assert set(catalog.names()) >= NAMED_IN_THE_LABS


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.name)
def test_an_entry_says_where_the_data_are_and_under_which_licence(entry: catalog.CatalogEntry) -> None:
    assert entry.licence
    assert entry.homepage.startswith("http")
    assert entry.checksum_source
    assert entry.files or entry.generated or entry.manual or entry.shipped
    section = SECTIONS[entry.task]
    assert catalog.fill_in(section(path=entry.name)).format == entry.format


@pytest.mark.parametrize("entry", [entry for entry in catalog.entries() if entry.files], ids=lambda entry: entry.name)
def test_checksums_are_those_of_tensorflow_datasets(entry: catalog.CatalogEntry) -> None:
    if "TensorFlow Datasets" not in entry.checksum_source:
        assert all(file.sha256 is None for file in entry.files), "no published list: no checksum"
        return
    package = importlib.util.find_spec("tensorflow_datasets")
    if package is None or not package.submodule_search_locations:
        pytest.skip("tensorflow-datasets is not installed")
    source = Path(package.submodule_search_locations[0]) / entry.checksum_source.rpartition(", ")[2]
    published = [line.split("\t")[:3] for line in source.read_text().splitlines()]
    for file in entry.files:
        assert [file.urls[0], str(file.size), file.sha256] in published


def test_what_cannot_be_downloaded_says_how_to_get_it() -> None:
    with pytest.raises(UserError) as caught:
        catalog.get("cityscapes", Progress(quiet=True))
    assert "Register" in caught.value.fix


def test_the_recipe_overrules_the_catalogue() -> None:
    config = catalog.fill_in(ImageDataConfig(path="core50", group_by="x"))
    assert config.group_by == "x"
    assert config.label_pattern
    assert catalog.fill_in(ImageDataConfig(path="core50", group_by=None)).group_by is None
    assert catalog.fill_in(ImageDataConfig(path="fashion_mnist", class_names=None)).class_names is None
    assert catalog.fill_in(ImageDataConfig(path="fashion_mnist", format="auto")).format == "idx"


def test_digits_are_made_without_a_download() -> None:
    folder = catalog.get("digits", Progress(quiet=True))
    assert len(list(folder.glob("*/*.png"))) == 1797
    assert catalog.get("digits", Progress(quiet=True)) == folder


def test_a_shipped_sample_is_read_where_it_lies() -> None:
    path, config = locate(SeriesDataConfig(path="milk"), Progress(quiet=True))
    assert path.name == "monthly_milk_production.csv"
    assert path.read_text().count("\n") == 169
    assert config.format == "csv_series"


def test_a_task_is_offered_its_own_data_sets_only() -> None:
    assert catalog.names("forecasting") == ["milk"]
    assert "milk" not in catalog.names("image_classification")
    with pytest.raises(UserError) as caught:
        locate(ImageDataConfig(path="milk"), Progress(quiet=True))
    assert "`mnist`" in caught.value.fix
