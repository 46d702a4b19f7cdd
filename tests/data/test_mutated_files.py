"""Damaged annotations and tables are read, told or refused, whatever they hold: nothing breaks, hangs or swells."""

from __future__ import annotations

import io
import json
import random
import tempfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data import formats
from data.detection.config import DetectionDataConfig
from data.images.config import ImageDataConfig
from data.sample import BadImage, Problem
from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from pipeline.errors import UserError
from tests.support.labelled_files import write
from tests.support.mutations import mutate
from tests.support.workbooks import write_ods, write_xlsx

SECONDS = 3.0  # of the processor, for one damaged file
MEGABYTES = 150


@dataclass(frozen=True)
class Kind:
    """Data in one format.

    Attributes:
        task: theirs.
        name: of the format.
        damaged: the file that is damaged, in its folder.
        files: all of them.
        given: what is given as `data.path`, in the same folder.
        part: of the file, a zip, that is damaged; empty for the whole.
    """

    task: str
    name: str
    damaged: str
    files: dict[str, bytes] = field(repr=False)
    given: str = "."
    part: str = ""

    def damage(self, chance: random.Random) -> bytes:
        """Return the file with some damages."""
        whole = self.files[self.damaged]
        if not self.part:
            return mutate(chance, whole)
        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(stream, "w") as new:
            for name in old.namelist():
                new.writestr(name, mutate(chance, old.read(name)) if name == self.part else old.read(name))
        return stream.getvalue()


def picture(shade: int, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), (shade, 99, 255 - shade)).save(stream, kind)
    return stream.getvalue()


PHOTOS = {f"photos/{name}.jpg": picture(shade) for shade, name in enumerate(("a", "b", "ç d"), 40)}
NAMES = [name.rpartition("/")[2] for name in PHOTOS]


def voc() -> bytes:
    boxes = "".join(
        f"<object><name>{label}</name><difficult>0</difficult><bndbox><xmin>{3 + edge}</xmin><ymin>4</ymin>"
        f"<xmax>{20 + edge}</xmax><ymax>25.5</ymax></bndbox></object>\n"
        for edge, label in enumerate(("cat", "dog", "größe"))
    )
    head = "<folder>photos</folder>\n<filename>a.jpg</filename>\n<size><width>40</width><height>30</height></size>\n"
    return f"<?xml version='1.0' encoding='utf-8'?>\n<annotation>\n{head}{boxes}</annotation>\n".encode()


def coco() -> bytes:
    images = [{"id": number, "file_name": name, "width": 40, "height": 30} for number, name in enumerate(NAMES)]
    boxes = [
        {"id": number, "image_id": number, "category_id": 1 + number % 2, "bbox": [2, 3, 20.5, 10], "iscrowd": 0}
        for number in range(3)
    ]
    classes = [{"id": 1, "name": "cat"}, {"id": 2, "name": "größe"}]
    return json.dumps({"images": images, "annotations": boxes, "categories": classes}, indent=1).encode()


def cvat() -> bytes:
    images = "".join(
        f'<image id="{number}" name="{name}" width="40" height="30" subset="train">'
        f'<box label="cat" xtl="3" ytl="4.5" xbr="20" ybr="25" occluded="0"></box></image>\n'
        for number, name in enumerate(NAMES)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>\n{images}</annotations>'.encode()
    )


def labelme() -> bytes:
    shape = {"label": "cat", "points": [[3, 4], [20, 25.5]], "shape_type": "rectangle", "flags": {}}
    image = {"imagePath": "a.jpg", "imageWidth": 40, "imageHeight": 30, "imageData": None}
    return json.dumps({"version": "5.0.1", "shapes": [shape, shape], **image}, indent=1).encode()


BOXES = "filename,width,height,class,xmin,ymin,xmax,ymax\n" + "".join(
    f"{name},40,30,{label},3,4,20,25\n" for name in NAMES for label in ("cat", "größe")
)
YAML = "path: .\ntrain: photos\nval: photos\nnc: 2\nnames:\n  0: cat\n  1: 'größe'\n"
LINES = "0 0.5 0.5 0.25 0.25\n1 .3 .4 .1 .2\n0 0.1 0.1 0.2 0.1 0.3 0.3 0.1 0.2\n"
CLASSES = "filename,label\n" + "".join(
    f"{name},{label}\n" for name, label in zip(NAMES, ("cat", "dog", "cat"), strict=True)
)


def table(rows: int = 60) -> pd.DataFrame:
    times = pd.date_range("2024-01-31 22:00", periods=rows, freq="h")
    values = np.round(np.sin(np.arange(rows)) * 1000, 3)
    return pd.DataFrame({"date": times, "sales": values, "größe": np.arange(rows), "shop": ["n", "s"] * (rows // 2)})


def german(rows: int = 60) -> bytes:
    lines = [f"{1 + row % 28:02}.{1 + row // 28:02}.2024;{row},5;1.{row:03},0" for row in range(rows)]
    return ("Umsätze der Filiale\n\nDatum;Menge;Preis €\n" + "\n".join(lines) + "\n").encode("cp1252")


def stored(save: Callable[[pd.DataFrame, io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(table(), stream)
    return stream.getvalue()


def detection(name: str, damaged: str, content: bytes, **more: bytes) -> Kind:
    others = {key.replace("__", "/").replace("_dot_", "."): value for key, value in more.items()}
    return Kind("object_detection", name, damaged, {**PHOTOS, **others, damaged: content})


def workbook(save: Callable[..., Path]) -> bytes:
    rows = [["Umsatz"], [], ["date", "sales"], *([datetime(2024, 1, 1 + row), row * 1.5] for row in range(30))]
    with tempfile.TemporaryDirectory() as folder:
        return save(Path(folder) / "book", {"Sheet": rows}).read_bytes()


def series(name: str, damaged: str, content: bytes, part: str = "") -> Kind:
    return Kind("forecasting", name, damaged, {damaged: content}, damaged, part)


CSV = table().to_csv(index=False).encode()
LABELS = {"labels__a_dot_txt": LINES.encode(), "labels__b_dot_txt": b""}
KINDS = {
    "voc": detection("voc", "photos/a.xml", voc()),
    "coco": detection("coco", "annotations.json", coco()),
    "cvat": detection("cvat_images", "annotations.xml", cvat()),
    "labelme": detection("labelme", "photos/a.json", labelme()),
    "yolo": detection("yolo", "labels/a.txt", LINES.encode(), data_dot_yaml=YAML.encode()),
    "yolo_yaml": detection("yolo", "data.yaml", YAML.encode(), **LABELS),
    "box_csv": detection("box_csv", "boxes.csv", BOXES.encode()),
    "photo": detection("coco", "photos/a.jpg", PHOTOS["photos/a.jpg"], annotations_dot_json=coco()),
    "image_csv": Kind(
        "image_classification", "image_csv", "labels.csv", {**PHOTOS, "labels.csv": CLASSES.encode()}, "labels.csv"
    ),
    "csv": series("csv_series", "sales.csv", CSV),
    "csv_utf16": series("csv_series", "sales.csv", CSV.decode().replace(",", "\t").encode("utf-16")),
    "csv_german": series("csv_series", "umsatz.csv", german()),
    "xlsx": series("excel_series", "sales.xlsx", workbook(write_xlsx)),
    "xlsx_sheet": series("excel_series", "sales.xlsx", workbook(write_xlsx), "xl/worksheets/sheet1.xml"),
    "ods_sheet": series("excel_series", "sales.ods", workbook(write_ods), "content.xml"),
    "parquet": series("parquet_series", "sales.parquet", stored(lambda frame, stream: frame.to_parquet(stream))),
    "feather": series("parquet_series", "sales.feather", stored(lambda frame, stream: frame.to_feather(stream))),
}


def read(kind: Kind, root: Path) -> None:
    """Recognise, list and read everything, as the commands do."""
    path = root / kind.given
    try:
        found = formats.detect(path, kind.task)
    except UserError:
        found = kind.name
    for name in dict.fromkeys((found, kind.name)):
        try:
            read_as(kind.task, name, path)
        except UserError as error:
            assert error.what


def read_as(task: str, name: str, path: Path) -> None:
    """List and read data in one format.

    Raises:
        UserError: they cannot be had.
    """
    if task == "forecasting":
        module, config = formats.find(name, "forecasting"), SeriesDataConfig(path=str(path))
        layout = module.open_layout(path, config)
        for chunk in module.read_chunks(layout, SeriesFindings(), config.missing):
            assert len(chunk.lines) == len(chunk.values)
        return
    listed: Iterator[object]
    if task == "object_detection":
        listed = formats.find(name, "object_detection").list_samples(path, DetectionDataConfig(path=str(path)))
    else:
        listed = formats.find(name, "image_classification").list_samples(path, ImageDataConfig(path=str(path)))
    items = list(listed)
    with formats.find(name, task).open_reader(path) as pixels:  # type: ignore[attr-defined]
        for item in items:
            if not isinstance(item, Problem):
                with suppress(BadImage, OSError):  # as the callers do
                    pixels(tuple(json.loads(json.dumps(item.locator))))


def check(kind: Kind, root: Path, contents: Iterator[bytes]) -> None:
    """Read damaged contents one by one."""
    write(root, kind.files)
    for number, content in enumerate(contents):
        (root / kind.damaged).write_bytes(content)
        began = time.process_time()
        try:
            read(kind, root)
        except BaseException as error:
            raise AssertionError(f"damage {number} of {kind.damaged}: {content[:3000]!r}") from error
        assert time.process_time() - began < SECONDS, f"damage {number} of {kind.damaged}: {content[:3000]!r}"


def damages(kind: Kind, first: int, number: int) -> Iterator[bytes]:
    for seed in range(first, first + number):
        yield kind.damage(random.Random(f"{kind.damaged} {seed}"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_read_told_or_refused(name: str, tmp_path: Path) -> None:
    check(KINDS[name], tmp_path, damages(KINDS[name], 0, 40))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_ten_thousand_damaged_files_are_read_told_or_refused(name: str, tmp_path: Path) -> None:
    check(KINDS[name], tmp_path, damages(KINDS[name], 1000, 10_000 // len(KINDS)))


def entities(deep: int = 9) -> str:
    """Return definitions of XML that double a text over and over."""
    lines = ["<!ENTITY a0 'haha'>"]
    lines += [f"<!ENTITY a{level} '{f'&a{level - 1};' * 10}'>" for level in range(1, deep)]
    return f"<!DOCTYPE annotation [{''.join(lines)}]>"


def aliases(deep: int = 9) -> str:
    """Return lines of YAML whose last one means ten to the ninth of the first."""
    lines = ["a0: &a0 [cat, dog]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, deep)]
    return "\n".join(lines) + f"\nnames: *a{deep - 1}\ntrain: photos\n"


BOMBS = {
    "voc": [
        voc().replace(b"<annotation>", entities().encode() + b"<annotation>", 1).replace(b"cat", b"&a8;"),
        b"<annotation>" + b"<object>" * 10_000,
        voc().replace(b"<xmin>3", b"<xmin>" + b"3" * 100_000),
    ],
    "cvat": [
        cvat().replace(b"<annotations>", entities().encode() + b"<annotations>", 1).replace(b'"cat"', b'"&a8;"'),
        b"<annotations>" + b"<image>" * 10_000,
    ],
    "coco": [
        b"[" * 200_000,
        b'{"images": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        coco().replace(b"20.5", b"9" * 100_000),
        coco().replace(b"20.5", b"1e999999999"),
        coco().replace(b'"width": 40', b'"width": 1e39'),
        coco().replace(b'"image_id": 1', b'"image_id": ' + b"1" * 5000),
        b'{"images": [], "annotations": [], "categories": []}',
        b'{"images": {}, "annotations": null, "categories": "x"}',
        b'{"images": [null, 1, "a", []], "annotations": [null, 1, {}], "categories": [null, 7]}',
    ],
    "labelme": [
        labelme().replace(b"20", b"9" * 100_000),
        labelme().replace(b"[\n    3,\n    4\n   ]", b"null"),
        b"[" * 100_000,
    ],
    "yolo_yaml": [
        aliases().encode(),
        b"names: " + b"[" * 20_000 + b"]" * 20_000,
        b"names: &a [*a]\ntrain: photos\n",
        b"names: {? [a, b] : c}\ntrain: photos\n",
        b"nc: 99999999999\nnames: 7\ntrain: {a: b}\n",
        b"- 1\n- 2\n",
        b"names: [1, null, 2024-02-30, .inf, 0x, 1:30]\ntrain: [photos, 5, null]\n",
    ],
    "yolo": [
        b"0 " + b"0.5 " * 50_000,
        b"9" * 6000 + b" .5 .5 .2 .2\n",
        b"1e39 .5 .5 .2 .2\n0 nan inf -inf 1e999\n",
        b"\n" * 100_000,
    ],
    "box_csv": [
        BOXES.replace("20", "9" * 6000).encode(),
        BOXES.encode() + b'"' + b"a" * 500_000,
        BOXES.encode() + b"," * 500_000,
    ],
    "image_csv": [b'"' + b"a" * 500_000, CLASSES.encode() + b"," * 300_000],
    "csv": [
        CSV + b'"' + b"a" * 500_000,
        b"," * 300_000,
        b"date,sales\n" + b"9" * 6000 + b",1\n",
        CSV.replace(b"2024-01-31", b"9999999999-01-31"),
        CSV.replace(b"2024", b"0000"),
    ],
}  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BOMBS)
def test_a_file_made_to_swell_or_to_sink_deep_takes_neither_long_nor_much_memory(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    check(kind, tmp_path, iter([kind.files[kind.damaged]]))  # with everything imported
    for content in BOMBS[name]:
        tracemalloc.start()
        try:
            check(kind, tmp_path, iter([content]))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < MEGABYTES * 1e6, content[:200]
