"""An exported detector takes what the Object Detection API's clients send, answers as they expect, and is the one that
was trained.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image, ImageOps

from components.exporter import exporter
from components.infra_validator import infra_validator, judge
from components.tasks.object_detection import predict_command, serving_check
from components.tasks.object_detection.config import DetectionExporterConfig, DetectionServingCheck
from components.tasks.object_detection.export import make_signatures, write_tflite
from components.tasks.task import PredictOptions
from labline.cli.output import show_predictions
from object_detection.detector import Detector
from object_detection.drawn_images import read_image
from object_detection.exported import ExportedDetector, find_exported
from object_detection.saved_detector import SavedDetector
from pipeline.artifacts import Examples, InfraBlessing, Model, SavedModel, write_manifest
from pipeline.component import Context
from pipeline.errors import UsageError, UserError
from serving.client import Client, ServerError
from serving.launch import running_server
from serving.tensorflow_serving import Models
from tests.support.small_detector import LABELS, draw_image, make_detector, write_images, write_model

OUTPUTS: dict[str, tuple[str, list[int | None]]] = {
    "detection_boxes": ("float32", [None, 100, 4]),
    "detection_scores": ("float32", [None, 100]),
    "detection_classes": ("float32", [None, 100]),
    "detection_labels": ("string", [None, 100]),
    "num_detections": ("float32", [None]),
}


@pytest.fixture(scope="module")
def trained() -> SavedDetector:
    return make_detector()


@pytest.fixture(scope="module")
def line(trained: SavedDetector, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Drawn photos, a detector, and its export with TensorFlow Lite."""
    folder = tmp_path_factory.mktemp("line")
    examples = write_images(folder / "examples", {"train": 2, "test": 10})
    model = write_model(folder / "model", trained)
    return {"examples": examples, "model": model, "saved_model": export(examples, model, folder, tflite="float32")}


def export(examples: Examples, model: Model, folder: Path, **config: Any) -> SavedModel:
    saved_model = SavedModel.create(folder / "saved_model")
    exporter(examples=examples, model=model, saved_model=saved_model, config=DetectionExporterConfig(**config))
    write_manifest(saved_model, 0.0)
    return saved_model


@pytest.fixture(scope="module")
def client(line: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a server of the exported detector, which is called `drawn`."""
    base = tmp_path_factory.mktemp("served") / "drawn"
    shutil.copytree(line["saved_model"].path, base / "1")
    models = Models(base.parent, name="drawn", base_path=base)
    with (
        running_server(models, base.with_name("server.log"), engine="embedded") as server,
        Client(server.url) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def expected(line: dict[str, Any]) -> serving_check.ExpectedBoxes:
    return serving_check.expect(line["examples"], line["model"], 64)


@pytest.fixture(scope="module")
def signatures(line: dict[str, Any]) -> Any:
    return tf.saved_model.load(str(line["saved_model"].path)).signatures


def validate(line: dict[str, Any], folder: Path, **config: Any) -> dict[str, Any]:
    blessing = InfraBlessing.create(folder / "blessing")
    settings = DetectionServingCheck(engine="embedded", **config)
    infra_validator(**line, infra_blessing=blessing, config=settings, context=Context.standalone(folder))
    return blessing.properties


def test_the_artifact_holds_what_servers_and_phones_need(line: dict[str, Any]) -> None:
    saved_model = line["saved_model"]
    properties = saved_model.properties
    assert properties["signatures"] == ["serving_default", "image_tensor", "tf_example"]
    assert (properties["task"], properties["labels"], properties["input_size"]) == ("object_detection", LABELS, 160)
    assert saved_model.file("assets", "labels.txt").read_text() == "cross\ndot\nstripe\n"
    assert "id: 3\n  name: 'stripe'" in saved_model.file("assets", "label_map.pbtxt").read_text()
    assert saved_model.file("assets.extra", "tf_serving_warmup_requests").stat().st_size > 1000
    assert properties["tflite"]["bytes"] == saved_model.file("assets.extra", "model.tflite").stat().st_size


def test_outputs_are_named_and_typed_as_the_object_detection_api_did(signatures: Any) -> None:
    inputs = {name: signature.structured_input_signature[1] for name, signature in signatures.items()}
    assert {name: next(iter(given)) for name, given in inputs.items()} == {
        "serving_default": "image_bytes",
        "image_tensor": "inputs",
        "tf_example": "inputs",
    }
    assert inputs["image_tensor"]["inputs"].dtype.name == "uint8"
    for signature in signatures.values():
        found = {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in signature.structured_outputs.items()}
        assert {name: found[name][0] for name in found} == {name: OUTPUTS[name][0] for name in OUTPUTS}


def test_boxes_are_shares_of_the_photo_surest_first_with_classes_from_one(signatures: Any) -> None:
    encoded = [draw_image(number)[0] for number in range(3)]
    answer = {
        name: value.numpy() for name, value in signatures["serving_default"](image_bytes=tf.constant(encoded)).items()
    }
    assert {name: list(value.shape[1:]) for name, value in answer.items()} == {
        name: shape[1:] for name, (_, shape) in OUTPUTS.items()
    }
    assert answer["detection_boxes"].min() >= 0 and answer["detection_boxes"].max() <= 1
    assert (np.diff(answer["detection_scores"]) <= 0).all()
    assert set(answer["detection_classes"].ravel()) == {1.0, 2.0, 3.0}
    named = np.array(LABELS)[answer["detection_classes"].astype(int) - 1]
    np.testing.assert_array_equal(answer["detection_labels"].astype(str), named)


@pytest.mark.slow
def test_it_loads_and_answers_the_same_where_there_is_no_keras(
    line: dict[str, Any], signatures: Any, tmp_path: Path
) -> None:
    image = draw_image(1)[0]
    (tmp_path / "photo.jpg").write_bytes(image)
    program = f"""
import sys
for name in ("keras", "keras.src", "tf_keras", "official"): sys.modules[name] = None
import json, tensorflow as tf
model = tf.saved_model.load({str(line["saved_model"].path)!r})
photo = open({str(tmp_path / "photo.jpg")!r}, "rb").read()
answer = model.signatures["serving_default"](image_bytes=tf.constant([photo]))
names = "detection_boxes", "detection_scores", "detection_classes"
print(json.dumps({{name: answer[name].numpy().tolist() for name in names}}))
"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    elsewhere = json.loads(process.stdout.splitlines()[-1])
    here = signatures["serving_default"](image_bytes=tf.constant([image]))
    for name, values in elsewhere.items():
        np.testing.assert_array_equal(np.float32(values), here[name].numpy())


def test_a_misshapen_input_is_refused_in_words(signatures: Any) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="`inputs` must have shape"):
        signatures["image_tensor"](inputs=tf.zeros([1, 9, 9, 3], tf.uint8)[:, :, :, :1])


def test_keras_rest_and_lite_give_the_same_answers_by_every_signature(
    line: dict[str, Any], client: Client, expected: serving_check.ExpectedBoxes
) -> None:
    differences, problem = expected.ask(client, "drawn")
    differences |= expected.ask_files(line["saved_model"])
    assert set(differences) == {"serving_default", "image_tensor", "tf_example", "tflite"}
    assert (problem, judge(differences, 2e-5)) == ("", "")
    assert {name: parity.examples for name, parity in differences.items()} == {
        "serving_default": 10,
        "image_tensor": 8,
        "tf_example": 10,
        "tflite": 10,
    }


def test_int8_is_calibrated_on_training_photos(
    line: dict[str, Any], trained: SavedDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Calibrated(Exception):
        pass

    def convert(_: SavedDetector, precision: str, images: NDArray[np.float32]) -> bytes:
        raise Calibrated(precision, len(images))

    monkeypatch.setattr("components.tasks.object_detection.export.convert", convert)
    with pytest.raises(Calibrated) as seen:  # two of the twelve photos are for training
        write_tflite(trained, line["examples"], DetectionExporterConfig(tflite="int8"), tmp_path)
    assert seen.value.args == ("int8", 2)


@pytest.mark.parametrize("part", ["detection_scores", "detection_boxes", "detection_classes"])
def test_answers_that_are_not_those_of_the_trained_detector_are_told(
    part: str, client: Client, expected: serving_check.ExpectedBoxes
) -> None:
    changed = {name: values.copy() for name, values in expected.of_files.items()}
    changed[part][3] = 4 - changed[part][3] if part == "detection_classes" else changed[part][3] * 0.999
    differences, _ = replace(expected, of_files=changed).ask(client, "drawn")
    assert judge(differences, 1e-4).startswith("signature `serving_default`: example 3 differs by")


@pytest.mark.slow
def test_the_line_blesses_a_faithful_export_and_no_other(line: dict[str, Any], tmp_path: Path) -> None:
    facts = validate(line, tmp_path)
    assert facts["blessed"] is True, facts["reason"]
    assert set(facts["differences"]) == {"serving_default", "image_tensor", "tf_example", "tflite"}
    assert facts["max_difference"] <= 2e-5 < facts["tolerance"] == 1e-4
    assert (facts["examples"], facts["split"]) == (10, "test")
    other = write_model(tmp_path / "other", make_detector(seed=4))
    facts = validate({**line, "model": other}, tmp_path / "again", examples=4)
    assert facts["blessed"] is False
    assert "differs by" in facts["reason"]


def test_a_coarse_lite_file_is_judged_by_what_it_finds_and_a_precise_one_by_every_digit(
    line: dict[str, Any], expected: serving_check.ExpectedBoxes
) -> None:
    exact = line["saved_model"]
    coarse = SavedModel(exact.path, exact.properties | {"tflite": exact.properties["tflite"] | {"precision": "int8"}})
    assert judge(expected.ask_files(coarse), 1e-9) == ""
    sure = expected.of_files["detection_scores"] * 0 + 0.9  # of classes that there are not
    other = replace(expected, of_files={**expected.of_files, "detection_classes": sure, "detection_scores": sure})
    assert "detections are found by both" in judge(other.ask_files(coarse), 1e-9)
    assert "differs by" in judge(other.ask_files(line["saved_model"]), 1e-4)


def test_wrong_labels_and_a_wrong_order_are_told(client: Client, expected: serving_check.ExpectedBoxes) -> None:
    renamed = replace(expected, labels=["cross", "dot", "line"]).ask(client, "drawn")[1]
    assert "label `stripe` was given for class 3" in renamed
    answer = {
        "num_detections": 1.0,
        "detection_scores": [0.5, 0.6],
        "detection_classes": [1.0, 1.0],
        "detection_labels": ["cross", ""],
    }
    assert "not in the order" in serving_check.check([answer], LABELS, "serving_default")
    assert "beyond the 1 detections" in serving_check.check(
        [{**answer, "detection_scores": [0.7, 0.6]}], LABELS, "tf_example"
    )


def test_old_clients_may_have_the_signature_they_know_as_the_default_one(
    trained: SavedDetector, tmp_path: Path
) -> None:
    functions = make_signatures(trained, "image_tensor")
    assert list(functions) == ["serving_default", "image_bytes", "tf_example"]
    assert functions["serving_default"](inputs=tf.zeros([2, 40, 50, 3], tf.uint8))["detection_boxes"].shape == [
        2,
        100,
        4,
    ]


def test_every_photo_is_answered_in_words_and_drawn(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / "one.jpg", tmp_path / "two.jpg"]
    for number, file in enumerate(files):
        file.write_bytes(draw_image(number)[0])
    before = [file.read_bytes() for file in files]
    show_predictions(
        "drawn", files, PredictOptions(workspace=tmp_path, out=tmp_path / "out", min_score=0.6), client.url
    )
    said = capsys.readouterr().out
    assert f"{files[0]}: " in said and f"drawn in {tmp_path / 'out' / 'two_boxes.jpg'}" in said
    assert any(line.split()[0] in LABELS and "x " in line and "y " in line for line in said.splitlines())
    assert Image.open(tmp_path / "out" / "one_boxes.jpg").size == (90, 60)
    assert [file.read_bytes() for file in files] == before


def test_an_exported_detector_is_asked_in_its_folder_as_the_trained_one_is(
    line: dict[str, Any], tmp_path: Path
) -> None:
    folder = line["saved_model"].path
    assert find_exported(folder) == folder and find_exported(line["model"].path) is None
    pixels = read_image_of(tmp_path)
    exported = ExportedDetector(folder).detect([pixels], 0.3)[0]
    trained = Detector.read(line["model"].path).detect([pixels], 0.3)[0]
    assert exported and [item.label for item in exported] == [item.label for item in trained]
    np.testing.assert_allclose([item.box for item in exported], [item.box for item in trained], atol=1e-4)
    assert {item.label for item in ExportedDetector(folder, {1: "a", 2: "b", 3: "c"}).detect([pixels], 0.3)[0]} <= set(
        "abc"
    )


def read_image_of(folder: Path) -> NDArray[np.uint8]:
    """Return the pixels of a drawn photo."""
    (folder / "photo.jpg").write_bytes(draw_image(0)[0])
    return read_image(folder / "photo.jpg")


def test_json_gives_boxes_as_shares_and_in_pixels_of_the_upright_photo(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lying, upright = tmp_path / "lying.jpg", tmp_path / "upright.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.open(io.BytesIO(draw_image(0)[0])).save(lying, quality=95, exif=exif)
    ImageOps.exif_transpose(Image.open(lying)).save(upright)
    options = PredictOptions(1, tmp_path, as_json=True, min_score=0.0)
    show_predictions("drawn", [lying, upright], options, client.url)
    first, second = json.loads(capsys.readouterr().out)
    assert (first["height"], first["width"], first["drawn"]) == (90, 60, None)
    assert first["detections"] == second["detections"]
    found = first["detections"][0]
    assert found["label"] == LABELS[found["number"] - 1]
    np.testing.assert_allclose(found["pixels"], np.multiply(found["box"], [90, 60, 90, 60]), atol=0.06)


def test_a_photo_is_never_drawn_over_and_what_is_no_photo_is_named(client: Client, tmp_path: Path) -> None:
    image = tmp_path / "photo.jpg"
    image.write_bytes(draw_image(0)[0])
    with pytest.raises(UsageError, match="would replace the photo"):
        show_predictions("drawn", [image], PredictOptions(workspace=tmp_path, out=image), client.url)
    (tmp_path / "notes.jpg").write_text("no photo")
    with pytest.raises(UserError) as error:
        show_predictions("drawn", [tmp_path / "notes.jpg"], PredictOptions(workspace=tmp_path), client.url)
    assert "notes.jpg" in error.value.where


def test_a_server_refuses_wrong_photos_and_goes_on(client: Client) -> None:
    for signature, instances in (
        ("serving_default", [b"no photo"]),
        ("image_tensor", [[[[1, 2, 3]], []]]),
        ("image_tensor", [[[1, 2], [3, 4]]]),
        ("tf_example", [b"no record"]),
    ):
        with pytest.raises(ServerError) as error:
            client.predict("drawn", instances=instances, signature=signature)
        assert error.value.status == 400
    with pytest.raises(ServerError, match="`image_bytes` holds no photo"):
        client.predict("drawn", inputs=[])
    assert len(client.detect("drawn", [draw_image(0)[0]])[0]) == 100


def test_pixels_of_several_photos_of_one_size_go_in_one_request(client: Client) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, 30, 40, 3), dtype=np.uint8)
    together = client.predict("drawn", inputs=pixels, signature="image_tensor")
    assert set(together) == set(OUTPUTS)
    alone = client.predict("drawn", instances=pixels[1:2], signature="image_tensor")[0]
    np.testing.assert_allclose(together["detection_scores"][1], alone["detection_scores"], atol=1e-6)
    assert together["detection_labels"][1][:5] == alone["detection_labels"][:5]


def test_the_demo_asks_about_a_test_photo(
    line: dict[str, Any], client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict_command.demonstrate(client, "drawn", line["examples"], tmp_path)
    said = capsys.readouterr().out
    assert "curl -d" in said and "truth: " in said
    assert (tmp_path / "asked_boxes.jpg").stat().st_size > 500
