"""Promises of the report: one file, nothing from outside, every section that there is something to say in."""

from __future__ import annotations

import base64
import html
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from components.tasks.task import Artifacts
from labline.report.page import write_report
from pipeline.artifacts import Evaluation, Examples, Model
from pipeline.facts import EvaluationFacts
from tests.support.facts import classifier_facts, image_facts
from tests.support.reported_run import NASTY, PNG, made, record, seal, small_artifacts


class Page(HTMLParser):
    """Collects tags and the addresses they point at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href", "action")]


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return small_artifacts(tmp_path)


def write(artifacts: Artifacts, folder: Path, **changes: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    write_report(record(artifacts, **changes), artifacts, folder / "report.html")
    return (folder / "report.html").read_text("utf-8")


def test_the_page_needs_no_other_file_and_no_network(artifacts: Artifacts, tmp_path: Path) -> None:
    text = write(artifacts, tmp_path / "runs" / "one")
    page = Page(text)
    assert all(address and address.startswith(("data:image/png;base64,", "#")) for address in page.addresses)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "@import" not in text
    assert "url(" not in text
    assert len(text) < 5_000_000
    assert [path.name for path in (tmp_path / "runs" / "one").iterdir()] == ["report.html"]


def test_every_section_says_its_thing(artifacts: Artifacts, tmp_path: Path) -> None:
    pushed = {"name": "ants", "version": 1, "path": ""}
    text = write(artifacts, tmp_path, pushed=pushed)
    for words in (
        "0.3333",
        "0.0615 – 0.7923",
        "last blessed <b>0.9000</b>",
        "chance <b>0.5000</b>",
        "It guesses.",
        "trainer.epochs 3 -&gt; 5",
        "ant/one.png",
        "and 2 more",
        "image/brightness",
        "1 missing",
        "121,930 parameters",
        "Filters: red positive",
        "Wrong predictions",
        "largest difference 1.00e-07",
        "no: not blessed",
        "command line",
        "labline run ants trainer.epochs=5",
        "/v1/models/ants:predict",
        "1 min 15 s",
    ):
        assert words in text, words


def test_names_from_the_data_are_shown_and_never_run(artifacts: Artifacts, tmp_path: Path) -> None:
    text = write(artifacts, tmp_path)
    assert NASTY not in text
    assert "&lt;script&gt;" in text


def test_a_run_that_the_data_stopped_still_shows_the_culprits(artifacts: Artifacts, tmp_path: Path) -> None:
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


def test_a_run_that_failed_at_once_still_has_a_page(tmp_path: Path) -> None:
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


def test_artifacts_without_their_files_do_not_break_the_page(tmp_path: Path) -> None:
    evaluated = EvaluationFacts(metrics={}, split="test", intervals={})
    bare = {
        "examples": seal(Examples.create(tmp_path / "e"), image_facts().model_dump(mode="json")),
        "model": seal(Model.create(tmp_path / "m"), classifier_facts(["cat"], (8, 8, 1)).model_dump(mode="json")),
        "evaluation": seal(Evaluation.create(tmp_path / "v"), evaluated.model_dump(mode="json")),
    }
    text = write(bare, tmp_path)
    assert "What ran, and why" in text


def test_the_commands_name_the_workspace_of_the_run(artifacts: Artifacts, tmp_path: Path) -> None:
    pushed = {"name": "ants", "version": 1, "path": ""}
    text = write(artifacts, tmp_path / "my workspace" / "runs" / "one", pushed=pushed)
    assert f"labline serve --workspace &#39;{tmp_path}/my workspace&#39;" in text


def test_a_model_that_is_not_there_is_not_asked(artifacts: Artifacts, tmp_path: Path) -> None:
    assert "labline predict ants" not in write(artifacts, tmp_path / "runs" / "one")
    (tmp_path / "served_models" / "ants" / "1").mkdir(parents=True)
    assert "labline predict ants" in write(artifacts, tmp_path / "runs" / "two")


def test_too_many_pictures_are_left_out_and_counted(artifacts: Artifacts, tmp_path: Path) -> None:
    for place in range(5):
        made(artifacts, "model").file("pictures", f"filters_{place}.png").write_bytes(PNG + bytes(900_000))
    made(artifacts, "model").write_json("pictures/layers.json", {"drawn": ["0", "1", "2", "3", "4"], "left_out": []})
    text = write(artifacts, tmp_path)
    assert len(text) < 5_000_000
    assert "2 pictures were left out" in text


def test_a_deep_network_shows_its_first_layers_in_order_and_says_what_it_leaves_out(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    layers = ["stem", *(f"block_{number}" for number in range(2, 13))]
    for place, layer in enumerate(layers):
        made(artifacts, "model").file("pictures", f"filters_{layer}.png").write_bytes(PNG + bytes(place))
    made(artifacts, "model").write_json("pictures/layers.json", {"drawn": layers, "left_out": ["late", "last"]})
    text = write(artifacts, tmp_path)
    assert "the first 8 of 14 convolutions" in text
    assert "TensorBoard hold those of the first 12." in text
    places = [text.find(base64.b64encode(PNG + bytes(place)).decode() + '"') for place in range(12)]
    assert -1 not in places[:8]
    assert places[:8] == sorted(places[:8])
    assert set(places[8:]) == {-1}


def test_every_figure_stands_beside_that_of_the_last_blessed_model_with_intervals(
    artifacts: Artifacts, tmp_path: Path
) -> None:
    text = write(artifacts, tmp_path)
    for words in ("0.9000", "0.8000 – 0.9500", "-0.5667", "-1.0000 – +0.0123", "0.1500 – 0.2500", "+0.5000 – +1.1000"):
        assert f'<td class="n">{words}</td>' in text, words


def test_the_first_model_is_compared_with_nothing(artifacts: Artifacts, tmp_path: Path) -> None:
    made(artifacts, "blessing").properties["comparison"] = None
    text = write(artifacts, tmp_path)
    assert "last blessed" not in text


def test_a_recorded_labline_command_is_printed_as_it_is(artifacts: Artifacts, tmp_path: Path) -> None:
    command = "labline run ants 'evaluator.thresholds={test/accuracy: 0.9}' --workspace \"my lab\""
    assert html.escape(command, quote=True).replace("&quot;", "&#34;").replace("&#x27;", "&#39;") in write(
        artifacts, tmp_path, command=command
    )


def test_the_time_of_the_training_is_read_beside_its_logs(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "training_time.json").write_text('{"seconds": 4321}')
    assert "1 h 12 min" in write(artifacts, tmp_path, logs=str(tmp_path / "logs"))
    assert "1 h 12 min" not in write(artifacts, tmp_path, logs=str(tmp_path / "gone"))


def test_it_takes_no_heavy_library(artifacts: Artifacts, tmp_path: Path) -> None:
    places = {name: (type(artifact).__name__, str(artifact.path)) for name, artifact in artifacts.items() if artifact}
    code = (
        "import sys; from pathlib import Path; from labline.report import page; from pipeline import artifacts;"
        f"opened = {{name: getattr(artifacts, kind).open(Path(path)) for name, (kind, path) in {places!r}.items()}};"
        f"page.write_report({record(artifacts)!r}, opened, Path({str(tmp_path / 'report.html')!r}));"
        "import components.tasks.forecasting.report, components.tasks.object_detection.report;"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'matplotlib', 'numpy', 'pandas', 'scipy', 'PIL'};"
        "print(sorted((heavy | {'tensorflow_data_validation'}) & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root).stdout
    assert out == "[]\n"
    assert "Filters: red positive" in (tmp_path / "report.html").read_text("utf-8")
