"""Drawn folders of labelled photos in which the truth is in the pixels: each box is a rectangle of its class's colour.

A tree is drawn as its author meant it (photos in folders, with splits), then written in one of the formats with a
layout, a way to state names, and files that have nothing to do with it.
"""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from data.sample import Split

Edges = tuple[int, int, int, int]  # ymin, xmin, ymax, xmax in pixels
COLOURS = {"cat": (250, 10, 10), "dog": (10, 250, 10), "big dog": (10, 10, 250)}
SIZE = (24, 32)
QUARTERS: tuple[Edges, ...] = ((1, 2, 9, 13), (2, 18, 11, 30), (13, 3, 22, 14), (14, 17, 21, 31))
STEMS = ("0", "1", "2", "img 1", "frame.0.10s", "IMG_A", "Écran", "100%", "a,b")
FOLDERS: dict[str, Split | None] = {
    "": None, "cam1": None, "cam2": None, "train": "train", "val": "validation", "test": "test", "train/cam1": "train",
    "test/cam1": "test", "train2017": "train", "val2017": "validation", "training_set": "train", "test_set": "test",
}  # fmt: skip


@dataclass(frozen=True)
class Photo:
    """A photo as its author meant it: folder, stem, split and boxes by quarter of the photo."""

    folder: str
    stem: str
    boxes: tuple[tuple[str, Edges], ...]
    number: int

    @property
    def split(self) -> Split | None:
        return FOLDERS[self.folder]


@dataclass(frozen=True)
class Tree:
    """A data set, how it is laid out, how names are stated, what lies about, and which photos were taken away."""

    photos: tuple[Photo, ...]
    layout: str
    stated: str
    distractors: tuple[str, ...]
    absent: frozenset[int] = frozenset()

    @property
    def present(self) -> list[Photo]:
        return [photo for photo in self.photos if photo.number not in self.absent]


def draw_photo(photo: Photo) -> bytes:
    """Return the PNG of a photo; no two are alike."""
    pixels = np.full((*SIZE, 3), 60 + photo.number % 100, np.uint8)
    pixels[0, :, 2] = photo.number
    for label, (ymin, xmin, ymax, xmax) in photo.boxes:
        pixels[ymin:ymax, xmin:xmax] = COLOURS[label]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def seen_boxes(data: bytes) -> set[tuple[str, Edges]]:
    """Return the boxes that a picture shows: at most one rectangle a quarter."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    found = set()
    for label, colour in COLOURS.items():
        for ymin, xmin, ymax, xmax in QUARTERS:
            if (pixels[ymin:ymax, xmin:xmax] == colour).all():
                found.add((label, (ymin, xmin, ymax, xmax)))
    return found


@st.composite
def trees(draw: st.DrawFn, layouts: tuple[str, ...] = ("beside", "roots", "inside", "suffix")) -> Tree:
    """Draw a data set of 4 to 12 photos; folders share names of photos."""
    folders = draw(
        st.sampled_from([
            ("",), ("cam1", "cam2"), ("train", "val"), ("train", "val", "test"), ("train/cam1", "test/cam1"),
            ("train2017", "val2017"), ("training_set", "test_set"),
        ])
    )  # fmt: skip
    photos = list[Photo]()
    for folder in folders:
        for stem in draw(st.lists(st.sampled_from(STEMS), min_size=2, max_size=5, unique=True)):
            places = draw(st.lists(st.sampled_from(QUARTERS), max_size=2, unique=True))
            boxes = tuple((draw(st.sampled_from(sorted(COLOURS))), edges) for edges in sorted(places))
            photos.append(Photo(folder, stem, boxes, len(photos)))
    if not any(photo.boxes for photo in photos):
        photos[0] = Photo(photos[0].folder, photos[0].stem, (("cat", QUARTERS[0]),), photos[0].number)
    stated = draw(st.sampled_from(["bare", "path", "windows", "elsewhere", "capitals", "nfd", "no ending"]))
    about = draw(
        st.lists(st.sampled_from(["masks", "previews", "notes", "package", "thumbs"]), unique=True, max_size=3)
    )
    absent = draw(st.sets(st.integers(1, 4), max_size=2) if draw(st.integers(0, 3)) == 0 else st.just(set[int]()))
    return Tree(tuple(photos), draw(st.sampled_from(layouts)), stated, tuple(about), frozenset(absent))


def photo_path(tree: Tree, photo: Photo) -> str:
    """Return where a photo lies."""
    return placed(tree, photo.folder, "images", f"{photo.stem}.png")


def placed(tree: Tree, folder: str, kind: str, name: str) -> str:
    """Return the path of a photo (kind `images`) or of its annotation in the layout."""
    pieces = {
        "beside": [folder],
        "roots": [kind, folder],
        "inside": [folder, kind],
        "suffix": [f"{folder.replace('/', '_')}_{kind}" if folder else kind],
    }[tree.layout]
    return "/".join([piece for piece in pieces if piece] + [name])


def stated_name(tree: Tree, photo: Photo) -> str:
    """Return the name of a photo as its annotation states it."""
    name, path = f"{photo.stem}.png", photo_path(tree, photo)
    return {
        "bare": name,
        "path": path,
        "windows": "D:\\work\\" + path.replace("/", "\\"),
        "elsewhere": f"/home/somebody/data/{path}",
        "capitals": path.upper(),
        "nfd": unicodedata.normalize("NFD", path),
        "no ending": path.removesuffix(".png"),
    }[tree.stated]


def write_tree(tree: Tree, files: dict[str, str | bytes], root: Path, packed: bool) -> Path:
    """Write photos, annotations and what lies about, as a folder or a zip; return its path."""
    files = {**{photo_path(tree, photo): draw_photo(photo) for photo in tree.present}, **files}
    for photo in tree.present:
        grey = b"".join([draw_photo(Photo("", "", (), 200 + photo.number))])
        if "masks" in tree.distractors:
            files[f"masks/{photo.folder}/{photo.stem}.png".replace("//", "/")] = grey
        if "previews" in tree.distractors:
            files[f"previews/{photo.folder}/{photo.stem}.png".replace("//", "/")] = grey + b" "
        if "thumbs" in tree.distractors:
            files[f"@eaDir/{photo.stem}.png"] = grey + b"  "
    if "notes" in tree.distractors:
        files |= {"README.txt": "Photos of cats 1 2 3 4 5", "notes.txt": "1 2"}
    if "package" in tree.distractors:
        files |= {"package.json": json.dumps({"name": "tool", "files": 3}), "info.xml": "<info>photos</info>"}
    if packed:
        with zipfile.ZipFile(root.with_suffix(".zip"), "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return root.with_suffix(".zip")
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def as_voc(tree: Tree) -> dict[str, str | bytes]:
    """Return the annotations as Pascal VOC."""
    files: dict[str, str | bytes] = {}
    for photo in tree.photos:
        lines = [f"<annotation><filename>{escape(stated_name(tree, photo))}</filename>"]
        lines.append(f"<size><width>{SIZE[1]}</width><height>{SIZE[0]}</height></size>")
        for label, (ymin, xmin, ymax, xmax) in photo.boxes:
            lines.append(f"<object><name>{label}</name><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin>")
            lines.append(f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>")
        files[placed(tree, photo.folder, "annotations", f"{photo.stem}.xml")] = "\n".join([*lines, "</annotation>"])
    return files


def as_yolo(tree: Tree) -> dict[str, str | bytes]:
    """Return the annotations as YOLO txt files, with the names of the classes."""
    names = sorted(COLOURS)
    files: dict[str, str | bytes] = {"classes.txt": "\n".join(names)}
    for photo in tree.photos:
        lines = []
        for label, (ymin, xmin, ymax, xmax) in photo.boxes:
            middle = (xmin + xmax) / 2 / SIZE[1], (ymin + ymax) / 2 / SIZE[0]
            size = (xmax - xmin) / SIZE[1], (ymax - ymin) / SIZE[0]
            lines.append(" ".join([str(names.index(label)), *(f"{value:.9f}" for value in (*middle, *size))]))
        files[placed(tree, photo.folder, "labels", f"{photo.stem}.txt")] = "\n".join(lines)
    return files


def as_labelme(tree: Tree) -> dict[str, str | bytes]:
    """Return the annotations as LabelMe json files."""
    files: dict[str, str | bytes] = {}
    for photo in tree.photos:
        shapes = [
            {"label": label, "shape_type": "rectangle", "points": [[xmin, ymin], [xmax, ymax]]}
            for label, (ymin, xmin, ymax, xmax) in photo.boxes
        ]
        content = {
            "version": "5.0.1", "flags": {}, "shapes": shapes, "imagePath": stated_name(tree, photo),
            "imageHeight": SIZE[0], "imageWidth": SIZE[1], "imageData": None,
        }  # fmt: skip
        files[placed(tree, photo.folder, "annotations", f"{photo.stem}.json")] = json.dumps(content)
    return files


def together(tree: Tree) -> dict[str, list[Photo]]:
    """Return the photos of each file of many annotations: one a folder where bare names are stated, else one in all."""
    if tree.stated != "bare":
        return {"annotations": list(tree.photos)}
    result: dict[str, list[Photo]] = {}
    for photo in tree.photos:
        words = photo.folder.replace("/", "_")
        result.setdefault(f"annotations_{words}" if words else "annotations", []).append(photo)
    return result


def as_coco(tree: Tree) -> dict[str, str | bytes]:
    """Return the annotations as COCO json."""
    files: dict[str, str | bytes] = {}
    for name, photos in together(tree).items():
        images = [
            {"id": number, "file_name": stated_name(tree, photo), "height": SIZE[0], "width": SIZE[1]}
            for number, photo in enumerate(photos)
        ]
        boxes = [
            {
                "id": 100 * number + place, "image_id": number, "category_id": sorted(COLOURS).index(label) + 1,
                "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
            }
            for number, photo in enumerate(photos)
            for place, (label, (ymin, xmin, ymax, xmax)) in enumerate(photo.boxes)
        ]  # fmt: skip
        categories = [{"id": number, "name": label} for number, label in enumerate(sorted(COLOURS), 1)]
        content = {"images": images, "annotations": boxes, "categories": categories}
        files[f"annotations/{name.replace('annotations', 'instances')}.json"] = json.dumps(content)
    return files


def as_csv(tree: Tree) -> dict[str, str | bytes]:
    """Return the annotations as tables; a photo without boxes has a line of its own."""
    files: dict[str, str | bytes] = {}
    for name, photos in together(tree).items():
        lines = ["filename,width,height,class,xmin,ymin,xmax,ymax"]
        for photo in photos:
            stated = f'"{stated_name(tree, photo)}"'
            for label, (ymin, xmin, ymax, xmax) in photo.boxes or (("", ("", "", "", "")),):
                lines.append(f"{stated},{SIZE[1]},{SIZE[0]},{label},{xmin},{ymin},{xmax},{ymax}")
        words = name.removeprefix("annotations").strip("_")
        files[f"{words}_labels.csv" if words else "labels.csv"] = "\n".join(lines)
    return files


def as_cvat(tree: Tree) -> dict[str, str | bytes]:
    """Return the annotations as CVAT for images writes them."""
    files: dict[str, str | bytes] = {}
    for name, photos in together(tree).items():
        lines = ['<?xml version="1.0" encoding="utf-8"?>', "<annotations>", "<version>1.1</version>"]
        for number, photo in enumerate(photos):
            stated = escape(stated_name(tree, photo), {'"': "&quot;"})
            lines.append(f'<image id="{number}" name="{stated}" width="{SIZE[1]}" height="{SIZE[0]}">')
            for label, (ymin, xmin, ymax, xmax) in photo.boxes:
                edges = f'xtl="{xmin}" ytl="{ymin}" xbr="{xmax}" ybr="{ymax}"'
                lines.append(f'<box label="{label}" occluded="0" source="manual" {edges} z_order="0"></box>')
            lines.append("</image>")
        files[f"{name}.xml"] = "\n".join([*lines, "</annotations>"])
    return files


WRITERS = {
    "voc": as_voc, "yolo": as_yolo, "coco": as_coco, "box_csv": as_csv, "cvat_images": as_cvat, "labelme": as_labelme,
}  # fmt: skip
