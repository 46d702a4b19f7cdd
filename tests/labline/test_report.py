"""Promises of the report: one file, nothing from outside, every section that there is something to say in."""

from __future__ import annotations

import base64
import html
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from labline.report.page import write_report
from pipeline.artifacts import (
    Anomalies,
    Blessing,
    Evaluation,
    Examples,
    InfraBlessing,
    Model,
    PushedModel,
    SavedModel,
    Statistics,
    write_manifest,
)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NASTY = "<script>alert('cat')</script>"
STEPS = (
    "example_gen",
    "statistics_gen",
    "example_validator",
    "trainer",
    "evaluator",
    "exporter",
    "infra_validator",
    "pusher",
)


class Page(HTMLParser):
    """Collects tags and the addresses they point at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.addresses, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href", "action")]


def seal(artifact, properties):
    artifact.properties = properties
    write_manifest(artifact, created=0.0)
    return artifact


@pytest.fixture
def artifacts(tmp_path):
    """One sealed artifact of each kind, as small as they get."""
    labels = ["ant", NASTY]
    counts = {"train": [4, 6], "test": [1, 2]}
    kinds = {
        "examples": Examples, "statistics": Statistics, "anomalies": Anomalies, "model": Model, "evaluation": Evaluation,
        "blessing": Blessing, "saved_model": SavedModel, "infra_blessing": InfraBlessing, "pushed_model": PushedModel,
    }  # fmt: skip
    made = {name: kind.create(tmp_path / name) for name, kind in kinds.items()}
    fill_statistics(made["statistics"], labels, counts)
    fill_anomalies(made["anomalies"])
    fill_model(made["model"])
    fill_evaluation(made["evaluation"], labels)
    comparison = {
        "metrics": {
            "accuracy": {
                "value": 0.9,
                "interval": [0.8, 0.95],
                "difference": -0.5667,
                "difference_interval": [-1, 0.0123],
            },
            "loss": {"value": 0.2, "interval": [0.15, 0.25], "difference": 0.8, "difference_interval": [0.5, 1.1]},
        },
        "difference": -0.5667,
        "interval": [-1, 0],
        "won": 0,
        "lost": 2,
        "p_worse": 0.25,
    }
    check = {"name": "test/accuracy above chance", "value": 0.1, "limit": 0.5, "passed": False}
    properties = {
        "examples": {
            "labels": labels,
            "splits": {"train": 10, "test": 3},
            "label_counts": counts,
            "image_shape": [8, 8, 1],
            "source": "ants",
        },
        "statistics": {"pixels": {"mean": 0.3, "std": 0.2}},
        "anomalies": {"errors": 0, "warnings": 1, "summary": "One warning."},
        "model": {"network": "cnn", "parameters": 121_930, "epochs": 2, "steps": 3},
        "evaluation": {
            "metrics": {"test/accuracy": 0.3333, "test/loss": 1.0},
            "intervals": {"accuracy": [0.0615, 0.7923]},
        },
        "blessing": {
            "blessed": False,
            "reasons": ["It guesses."],
            "checks": [check],
            "comparison": comparison,
            "baseline": "ab" * 32,
        },
        "saved_model": {"signatures": ["serving_default"]},
        "infra_blessing": {"blessed": True, "examples": 8, "max_difference": 1e-7, "tolerance": 1e-5},
        "pushed_model": {"pushed": False, "reason": "not blessed"},
    }
    return {"schema": None} | {name: seal(artifact, properties[name]) for name, artifact in made.items()}


def fill_statistics(statistics, labels, counts):
    column = {"name": "image/brightness", "kind": "number", "count": 10, "missing": 1, "mean": 0.5, "std": 0.1, "min": 0.1,
              "median": 0.4, "max": 0.9, "zeros": 0, "histogram": [[0.1, 0.5, 4], [0.5, 0.9, 6]]}  # fmt: skip
    words = {
        "name": "image/class/text",
        "kind": "text",
        "count": 10,
        "missing": 0,
        "unique": 2,
        "average_length": 3,
        "top": [["ant", 6], [NASTY, 4]],
    }
    splits = {split: {"examples": 10, "features": [column, words]} for split in counts}
    statistics.write_json("statistics.json", {"labels": labels, "label_counts": counts, "splits": splits})
    statistics.file("samples").mkdir()
    statistics.file("samples", "0.png").write_bytes(PNG)


def fill_anomalies(anomalies):
    anomalies.file("thumbnails").mkdir()
    anomalies.file("thumbnails", "0.png").write_bytes(PNG)
    culprit = {
        "file": "ant/one.png",
        "detail": "same bytes",
        "split": "test",
        "label": "ant",
        "thumbnail": "thumbnails/0.png",
    }
    row = {
        "name": "duplicate_across_splits",
        "severity": "warning",
        "count": 3,
        "share": 0.2,
        "description": "Twice.",
        "examples": [culprit],
    }
    anomalies.write_json("anomalies.json", [row])


def fill_model(model):
    epochs = [
        {"epoch": n, "train/loss": 1 / n, "validation/loss": 2 / n, "train/accuracy": 0.5, "validation/accuracy": 0.4}
        for n in (1, 2)
    ]
    model.write_json("history.json", {"epochs": epochs, "steps": [[1, 2.0, 0.1], [2, 1.0, 0.2], [3, 0.9, 0.3]]})
    model.file("summary.txt").write_text("Layer (type)")
    model.file("pictures").mkdir()
    for name in ("distortions", "filters_first", "feature_maps_first", "probabilities"):
        model.file("pictures", f"{name}.png").write_bytes(PNG)
    model.write_json("pictures/layers.json", {"drawn": ["first"], "left_out": []})


def fill_evaluation(evaluation, labels):
    share = {
        "precision": 0.5,
        "recall": None,
        "f1": 0.4,
        "precision_interval": [0.1, 0.9],
        "recall_interval": None,
        "f1_interval": [0, 1],
    }
    evaluation.write_json("details.json", {
        "labels": labels, "split": "test", "count": 3, "confusion": [[1, 0], [2, 0]], "calibration_error": 0.1,
        "classes": [{"label": label, "count": 1, **share} for label in labels],
        "calibration": [{"low": 0.5, "high": 1.0, "count": 3, "confidence": 0.8, "accuracy": 0.3}],
        "slices": [{"feature": "image/brightness", "slice": "0 to 1", "count": 3, "values": {"accuracy": 0.3, "loss": 1, "f1": 0.2},
                    "intervals": {"accuracy": [0.1, 0.8]}}],
        "baselines": {"chance": {"accuracy": 0.5, "loss": 0.69}, "majority": {"accuracy": 0.66, "label": NASTY}},
        "wrong": [{"picture": "plots/wrong/00.png", "file": "a", "label": "ant", "predicted": NASTY, "probability": 0.9, "probability_of_label": 0.1}],
    })  # fmt: skip
    evaluation.file("plots", "wrong").mkdir(parents=True)
    evaluation.file("plots", "wrong", "00.png").write_bytes(PNG)


def record(artifacts, **changes):
    """Return a run's record as the runner gives it."""
    digest = {name: artifact.digest for name, artifact in artifacts.items() if artifact}
    rows = [
        {
            "component": "example_gen",
            "fingerprint": "1" * 64,
            "inputs": {},
            "outputs": {"examples": digest.get("examples", "")},
        },
        {
            "component": "trainer",
            "fingerprint": "2" * 64,
            "inputs": {"examples": digest.get("examples", "")},
            "outputs": {"model": "9" * 64},
        },
    ]
    steps = [
        {"component": name, "status": "ran", "seconds": 1.5, "fingerprint": "f" * 64, "reason": "trainer.epochs 3 -> 5"}
        for name in STEPS
    ]
    return {
        "run": "20300101-000000-abcd", "recipe": "ants", "command": "/usr/bin/labline run ants trainer.epochs=5", "started": "2030-01-01T00:00:00",
        "seconds": 75.2, "steps": steps, "metrics": {"test/accuracy": 0.3333, "test/loss": 1.0}, "blessed": False, "pushed": None, "lineage": rows,
        "recipe_values": {"trainer.epochs": [5, "command line"], "trainer.seed": [7, "default"]}, "error": "", "logs": "", **changes,
    }  # fmt: skip


def write(artifacts, folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    write_report(record(artifacts, **changes), artifacts, folder / "report.html")
    return (folder / "report.html").read_text("utf-8")


def test_the_page_needs_no_other_file_and_no_network(artifacts, tmp_path):
    text = write(artifacts, tmp_path / "runs" / "one")
    page = Page(text)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "@import" not in text
    assert "url(" not in text
    assert len(text) < 5_000_000
    assert [path.name for path in (tmp_path / "runs" / "one").iterdir()] == ["report.html"]


def test_every_section_says_its_thing(artifacts, tmp_path):
    pushed = {"name": "ants", "version": 1, "path": ""}
    text = write(artifacts, tmp_path, pushed=pushed)
    for words in (
        "0.3333", "0.0615 – 0.7923", "last blessed <b>0.9000</b>", "chance <b>0.5000</b>", "It guesses.", "trainer.epochs 3 -&gt; 5", "ant/one.png",
        "and 2 more", "image/brightness", "1 missing", "121,930 parameters", "Filters: red positive", "Wrong predictions", "largest difference 1.00e-07",
        "no: not blessed", "command line", "labline run ants trainer.epochs=5", "/v1/models/ants:predict", "1 min 15 s",
    ):  # fmt: skip
        assert words in text, words


def test_names_from_the_data_are_shown_and_never_run(artifacts, tmp_path):
    text = write(artifacts, tmp_path)
    assert NASTY not in text
    assert "&lt;script&gt;" in text


def test_a_run_that_the_data_stopped_still_shows_the_culprits(artifacts, tmp_path):
    made = {
        name: artifact if name in ("examples", "statistics", "anomalies") else None
        for name, artifact in artifacts.items()
    }
    text = write(
        made, tmp_path, error="The data did not pass.", steps=record({})["steps"][:3], metrics={}, blessed=None
    )
    assert "The data did not pass." in text
    assert "ant/one.png" in text
    assert 'id="evaluation"' not in text
    assert ">stopped<" in text


def test_a_run_that_failed_at_once_still_has_a_page(tmp_path):
    step = {
        "component": "example_gen",
        "status": "failed",
        "seconds": 0.1,
        "fingerprint": "f",
        "reason": "There is no folder photos.",
    }
    text = write(
        dict.fromkeys(("examples", "model")),
        tmp_path,
        steps=[step],
        error="There is no folder photos.",
        metrics={},
        blessed=None,
        lineage=[],
    )
    assert ">failed<" in text
    assert "There is no folder photos." in text


def test_artifacts_of_other_tasks_that_lack_everything_do_not_break_the_page(tmp_path):
    bare = {
        "examples": Examples.create(tmp_path / "e"),
        "model": Model.create(tmp_path / "m"),
        "evaluation": Evaluation.create(tmp_path / "v"),
    }
    text = write({name: seal(artifact, {}) for name, artifact in bare.items()}, tmp_path)
    assert "What ran, and why" in text


def test_the_commands_name_the_workspace_of_the_run(artifacts, tmp_path):
    pushed = {"name": "ants", "version": 1, "path": ""}
    text = write(artifacts, tmp_path / "my workspace" / "runs" / "one", pushed=pushed)
    assert f"labline serve --workspace &#39;{tmp_path}/my workspace&#39;" in text


def test_a_model_that_is_not_there_is_not_asked(artifacts, tmp_path):
    assert "labline predict ants" not in write(artifacts, tmp_path / "runs" / "one")
    (tmp_path / "served_models" / "ants" / "1").mkdir(parents=True)
    assert "labline predict ants" in write(artifacts, tmp_path / "runs" / "two")


def test_too_many_pictures_are_left_out_and_counted(artifacts, tmp_path):
    for place in range(5):
        artifacts["model"].file("pictures", f"filters_{place}.png").write_bytes(PNG + bytes(900_000))
    artifacts["model"].write_json("pictures/layers.json", {"drawn": ["0", "1", "2", "3", "4"], "left_out": []})
    text = write(artifacts, tmp_path)
    assert len(text) < 5_000_000
    assert "2 pictures were left out" in text


def test_a_deep_network_shows_its_first_layers_in_order_and_says_what_it_leaves_out(artifacts, tmp_path):
    layers = ["stem", *(f"block_{number}" for number in range(2, 13))]
    for place, layer in enumerate(layers):
        artifacts["model"].file("pictures", f"filters_{layer}.png").write_bytes(PNG + bytes(place))
    artifacts["model"].write_json("pictures/layers.json", {"drawn": layers, "left_out": ["late", "last"]})
    text = write(artifacts, tmp_path)
    assert "the first 8 of 14 convolutions" in text
    assert "TensorBoard hold those of the first 12." in text
    places = [text.find(base64.b64encode(PNG + bytes(place)).decode() + '"') for place in range(12)]
    assert -1 not in places[:8]
    assert places[:8] == sorted(places[:8])
    assert set(places[8:]) == {-1}


def test_every_figure_stands_beside_that_of_the_last_blessed_model_with_intervals(artifacts, tmp_path):
    text = write(artifacts, tmp_path)
    for words in ("0.9000", "0.8000 – 0.9500", "-0.5667", "-1.0000 – +0.0123", "0.1500 – 0.2500", "+0.5000 – +1.1000"):
        assert f'<td class="n">{words}</td>' in text, words


def test_the_first_model_is_compared_with_nothing(artifacts, tmp_path):
    artifacts["blessing"].properties["comparison"] = None
    text = write(artifacts, tmp_path)
    assert "last blessed" not in text


def test_a_recorded_labline_command_is_printed_as_it_is(artifacts, tmp_path):
    command = "labline run ants 'evaluator.thresholds={test/accuracy: 0.9}' --workspace \"my lab\""
    assert html.escape(command, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in write(
        artifacts, tmp_path, command=command
    )


def test_the_time_of_the_training_is_read_beside_its_logs(artifacts, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "training_time.json").write_text('{"seconds": 4321}')
    assert "1 h 12 min" in write(artifacts, tmp_path, logs=str(tmp_path / "logs"))
    assert "1 h 12 min" not in write(artifacts, tmp_path, logs=str(tmp_path / "gone"))


def test_it_takes_no_heavy_library(artifacts, tmp_path):
    places = {name: (type(artifact).__name__, str(artifact.path)) for name, artifact in artifacts.items() if artifact}
    code = (
        "import sys; from pathlib import Path; from pipeline import artifacts, report;"
        f"opened = {{name: getattr(artifacts, kind).open(Path(path)) for name, (kind, path) in {places!r}.items()}};"
        f"report.write_report({record(artifacts)!r}, opened, Path({str(tmp_path / 'report.html')!r}));"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'matplotlib', 'numpy', 'PIL', 'tensorflow_data_validation'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root).stdout
    assert out == "[]\n"
    assert "Filters: red positive" in (tmp_path / "report.html").read_text("utf-8")
