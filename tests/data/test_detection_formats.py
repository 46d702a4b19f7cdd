"""The same photos in every format of labelled photos are the same examples, and are told from pictures of classes."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from components.example_gen import example_gen
from data import formats
from data.config import BeamConfig
from data.detection.boxes import DetectionSample, fit_boxes
from data.detection.config import DetectionDataConfig
from data.sample import Problem
from labline.cli.data_check import task_of_data
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.errors import UserError
from tests.support.contracts_detection import check_detection_format
from tests.support.labelled_shapes import PATCH, SIZE, annotation, draw, write_images

HEIGHT, WIDTH = SIZE
YMIN, XMIN, YMAX, XMAX = PATCH
LABELS = ["cat", "dog", "cat", "dog", "cat", "cat"]


def write_voc(root: Path) -> None:
    for number, label in enumerate(LABELS):
        (root / f"{number}.xml").write_text(annotation(f"{number}.jpg", [(label, PATCH)]))


def write_coco(root: Path) -> None:
    images = [
        {"id": number, "file_name": f"{number}.jpg", "height": HEIGHT, "width": WIDTH} for number in range(len(LABELS))
    ]
    box = [XMIN, YMIN, XMAX - XMIN, YMAX - YMIN]
    boxes = [
        {"id": number, "image_id": number, "category_id": 1 + (label == "dog"), "bbox": box}
        for number, label in enumerate(LABELS)
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    (root / "a.json").write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))


def write_cvat_images(root: Path) -> None:
    edges = f'xtl="{XMIN}" ytl="{YMIN}" xbr="{XMAX}" ybr="{YMAX}"'
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    images = [
        f'<image id="{number}" name="{number}.jpg" {size}><box label="{label}" {edges}/></image>'
        for number, label in enumerate(LABELS)
    ]
    head = "<version>1.1</version><meta/>"
    (root / "annotations.xml").write_text(f"<annotations>{head}{''.join(images)}</annotations>")


def write_labelme(root: Path) -> None:
    for number, label in enumerate(LABELS):
        shape = {"label": label, "points": [[XMIN, YMIN], [XMAX, YMAX]], "shape_type": "rectangle"}
        content = {"shapes": [shape], "imagePath": f"{number}.jpg", "imageHeight": HEIGHT, "imageWidth": WIDTH}
        (root / f"{number}.json").write_text(json.dumps(content))


def write_yolo(root: Path) -> None:
    centre = ((XMIN + XMAX) / 2 / WIDTH, (YMIN + YMAX) / 2 / HEIGHT, (XMAX - XMIN) / WIDTH, (YMAX - YMIN) / HEIGHT)
    for number, label in enumerate(LABELS):
        (root / f"{number}.txt").write_text(" ".join(map(str, (int(label == "dog"), *centre))))
    (root / "classes.txt").write_text("cat\ndog\n")


def write_box_csv(root: Path) -> None:
    with (root / "boxes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"])
        for number, label in enumerate(LABELS):
            table.writerow([f"{number}.jpg", WIDTH, HEIGHT, label, XMIN, YMIN, XMAX, YMAX])


def write_detection_records(root: Path) -> None:
    images = root.with_name("photos behind the records")
    images.mkdir()
    for number, label in enumerate(LABELS):
        (images / f"{number}.jpg").write_bytes(draw(number))
        (images / f"{number}.xml").write_text(annotation(f"{number}.jpg", [(label, PATCH)]))
    examples = Examples.create(root)
    config, context = DetectionDataConfig(path=str(images)), Context.standalone(root.with_name("context"))
    example_gen(examples=examples, config=config, beam=BeamConfig(), context=context)


WRITERS = {
    "voc": write_voc,
    "coco": write_coco,
    "cvat_images": write_cvat_images,
    "labelme": write_labelme,
    "yolo": write_yolo,
    "box_csv": write_box_csv,
    "detection_records": write_detection_records,
}


def test_every_format_of_labelled_photos_is_tested() -> None:
    assert set(WRITERS) == set(formats.names("object_detection"))


@pytest.mark.parametrize("name", WRITERS)
def test_a_format_keeps_its_contract_and_says_what_the_others_say(name: str, tmp_path: Path) -> None:
    root = tmp_path / "raw"
    root.mkdir()
    WRITERS[name](root)
    if name != "detection_records":
        for number in range(len(LABELS)):
            (root / f"{number}.jpg").write_bytes(draw(number))
    samples = check_detection_format(formats.find(name, "object_detection"), root)
    found = {}
    for sample in samples:
        boxes, problems = fit_boxes(sample, HEIGHT, WIDTH)
        assert problems == []
        found[Path(sample.key).stem] = [(box.label, *(round(edge, 5) for edge in box[1:5])) for box in boxes]
    edges = (YMIN / HEIGHT, XMIN / WIDTH, YMAX / HEIGHT, XMAX / WIDTH)
    assert found == {str(number): [(label, *edges)] for number, label in enumerate(LABELS)}
    assert task_of_data(str(root)) == "object_detection"


def test_folders_of_classes_and_tables_are_not_taken_for_labelled_photos(
    tmp_path: Path, make_folder: Callable[..., Path], make_zip: Callable[..., Path]
) -> None:
    images = make_folder(tmp_path / "photos", {"ant": 3, "bee": 3})
    (images / "ant" / "000.txt").write_text("a red ant on a leaf")
    (images / "README.txt").write_text("1 2 3 4 5")
    (images / "facts.json").write_text('{"licence": "mine"}')
    (images / "notes.xml").write_text("<notes/>")
    (tmp_path / "labels.csv").write_text("path,label\nphotos/ant/000.png,ant\nphotos/bee/000.png,bee\n")
    (tmp_path / "sales.csv").write_text("Month,Sales\n2020-01,3\n2020-02,4\n")
    for place in (images, make_zip(tmp_path / "photos.zip", images), tmp_path / "labels.csv"):
        assert task_of_data(str(place)) == "image_classification"
    assert task_of_data(str(tmp_path / "sales.csv")) == "forecasting"
    assert task_of_data("shapes") == "object_detection"
    assert task_of_data("digits") == "image_classification"


@pytest.mark.parametrize(
    ("one", "other"),
    [("voc", "coco"), ("labelme", "yolo"), ("cvat_images", "voc"), ("coco", "box_csv"), ("coco", "labelme")],
)
def test_annotations_in_two_formats_are_refused_and_the_remedy_chooses_one(
    one: str, other: str, tmp_path: Path
) -> None:
    for number in range(len(LABELS)):
        (tmp_path / f"{number}.jpg").write_bytes(draw(number))
    for name in (one, other):
        WRITERS[name](tmp_path)
    with pytest.raises(UserError, match="lie beside each other") as caught:
        formats.detect(tmp_path, "object_detection")
    for name in (one, other):
        assert f"`data.format={name}`" in caught.value.fix
        listed = formats.find(name, "object_detection").list_samples(tmp_path, DetectionDataConfig(path=str(tmp_path)))
        items = list(listed)
        assert len([item for item in items if isinstance(item, DetectionSample)]) == len(LABELS)
        assert {item.name for item in items if isinstance(item, Problem)} <= {"passed_over_file"}
    assert task_of_data(str(tmp_path)) == "object_detection"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("scene.xml", "<scene><thing x='1'/></scene>", "`scene.xml` has the outermost element `scene`"),
        ("via.json", '{"1.jpg7": {"filename": "1.jpg", "regions": []}}', "the VGG Image Annotator"),
        ("cut.json", '{"images": [{"id": 1, "file_na', "`cut.json` is damaged: Unterminated string"),
        ("mine.json", '{"pictures": [{"file": "1.jpg"}]}', "`mine.json` has the keys `pictures`"),
    ],
)
def test_annotations_that_no_format_knows_are_named(name: str, content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(draw(1))
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as caught:
        formats.detect(tmp_path, "object_detection")
    assert words in caught.value.fix


def test_folders_with_annotations_of_another_program_are_not_taken_for_classes(tmp_path: Path) -> None:
    for number in range(6):
        folder = tmp_path / ("front" if number % 2 else "side")
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(draw(number))
    (tmp_path / "facts.json").write_text('{"licence": "mine", "regions": ["Ulm"]}')
    assert task_of_data(str(tmp_path)) == "image_classification"
    (tmp_path / "facts.xml").write_text("<photo><file>0.jpg</file><species>cat</species></photo>")
    assert task_of_data(str(tmp_path)) == "image_classification"
    for name, content, words in (
        ("via.json", '{"side/0.jpg7": {"filename": "0.jpg", "regions": []}}', "is the VGG Image Annotator's"),
        ("dlib.xml", "<dataset><image file='side/0.jpg'><box top='1'/></image></dataset>", "element `dataset`"),
    ):
        (tmp_path / name).write_text(content)
        assert task_of_data(str(tmp_path)) == "object_detection"
        with pytest.raises(UserError) as caught:
            formats.detect(tmp_path, "object_detection")
        assert words in caught.value.fix
        (tmp_path / name).unlink()


@pytest.mark.parametrize("name", ["voc", "coco", "cvat_images", "labelme"])
def test_annotations_without_their_photos_are_refused_with_the_folder_to_give(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path)
    file = sorted(tmp_path.iterdir())[0]
    with pytest.raises(UserError) as caught:
        task_of_data(str(file))
    assert f"labline data check {tmp_path}" in caught.value.fix


def test_annotations_are_preferred_to_what_was_made_of_them(tmp_path: Path) -> None:
    root = write_images(tmp_path / "raw", {"cat": 6})
    write_box_csv(root)
    write_detection_records(root / "records")
    assert formats.detect(root, "object_detection") == "voc"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "via.csv",
            'filename,region_shape_attributes\n0.jpg,"{""name"": ""rect""}"\n',
            "the VGG Image Annotator's table",
        ),
        ("export.csv", 'image,label\n/data/0.jpg,"[{""rectanglelabels"": [""dog""]}]"\n', "Label Studio's table"),
        ("label_2/0.txt", "Car 0.00 0 -1.58 41 6 59 25 1.6 1.5 3.6 -2.6 1.7 46.7 -1.6\n", "is KITTI's"),
        ("labels/0.txt", "1 0,59 0,75 0,43 0,37\n", "commas in its numbers"),
    ],
)
def test_tables_and_texts_of_other_programs_are_named(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.jpg").write_bytes(draw(0))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    assert task_of_data(str(tmp_path)) == "object_detection"
    with pytest.raises(UserError) as caught:
        formats.detect(tmp_path, "object_detection")
    assert f"`{name}` is" in caught.value.fix and words in caught.value.fix


def test_of_annotations_without_their_photos_the_folder_with_the_photos_is_named(tmp_path: Path) -> None:
    WRITERS["coco"](tmp_path)
    (file,) = tmp_path.rglob("*.json")
    (tmp_path / "annotations").mkdir(exist_ok=True)
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "images" / "0.jpg").write_bytes(draw(0))
    moved = file.rename(tmp_path / "annotations" / "instances.json")
    with pytest.raises(UserError) as caught:
        task_of_data(str(moved))
    assert f"`labline data check {tmp_path}`" in caught.value.fix
