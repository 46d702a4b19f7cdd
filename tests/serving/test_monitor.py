"""`labline monitor`: what clients send, compared with what the model was trained on and with what they sent before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from data.distances import constant_distance, divergence_from_point
from data.tfrecord import read_records
from labline.cli.main import app
from pipeline.artifacts import Examples
from pipeline.errors import UserError
from serving.client import Client
from serving.launch import start_server
from serving.model_config import register_model
from serving.monitor.measured_images import measure_encoded
from serving.monitor.measuring import statistics_of
from serving.monitor.task import Row
from serving.samples import encoded_image
from serving.tensorflow_serving import Models
from tests.support.facts import window_facts
from tests.support.monitored_model import DAY, START, images, push_model, write_log

TYPES = {
    "image/height": "INT",
    "image/width": "INT",
    "image/channels": "INT",
    "image/bytes": "INT",
    "image/format": "BYTES",
    "image/brightness": "FLOAT",
    "image/class/text": "BYTES",
}
LABELS = (b"cat", b"dog")


def training_rows(count: int) -> list[Row]:
    rows = [measure_encoded(content) for content in images(count, seed=1)]
    return [{**row, "image/class/text": [LABELS[number % 2]]} for number, row in enumerate(rows) if row]


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which a classifier of cats and dogs was pushed."""
    path = tmp_path_factory.mktemp("monitor") / "workspace"
    push_model(path, {"task": "image_classification", "labels": ["cat", "dog"]}, training_rows(400), TYPES)
    return path


@pytest.fixture
def workspace(pushed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pushed, tmp_path / "workspace"))


def asked(contents: list[bytes], labels: tuple[bytes, ...] = LABELS) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return a request of one picture each."""
    return [
        ({"image_bytes": [content]}, {"label": [labels[number % len(labels)]]})
        for number, content in enumerate(contents)
    ]


def log_of(workspace: Path) -> Path:
    return workspace / "requests" / "pet" / "pet-20231114-221320-7.tfrecord"


def monitor(workspace: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its status and its JSON."""
    result = CliRunner().invoke(
        app, ["monitor", "pet", "--workspace", str(workspace), "--json", *options], standalone_mode=False
    )
    if result.exception:
        raise result.exception
    return result.return_value or 0, json.loads(result.stdout)


def printed(workspace: Path) -> str:
    """Run the command; return what it prints for a person."""
    return CliRunner().invoke(app, ["monitor", "pet", "--workspace", str(workspace)]).stdout


def found(summary: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["kind"], finding["feature"]) for finding in summary["findings"]}


def test_requests_like_the_training_pictures_are_no_finding(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(200, seed=2)))
    status, summary = monitor(workspace)
    assert (status, summary["findings"]) == (0, [])
    assert monitor(workspace, "--categorical", "0", "--numeric", "0")[0] == 0, (
        "no limit is below what chance alone does"
    )
    assert (summary["requests"], summary["examples"], summary["version"], summary["trained_in"]) == (
        200,
        200,
        1,
        "run-1",
    )
    assert set(summary["skew"]) == set(TYPES)
    page = Path(summary["report"]).read_text()
    assert "nothing is beyond its limit" in page
    assert page.count("<svg") >= 2
    assert "http" not in page.replace("http://www.w3.org", "")


def test_brighter_pictures_are_skew_and_the_status_says_so(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(200, seed=2, brightness=0.8)))
    status, summary = monitor(workspace)
    assert status == 3
    assert found(summary) == {("skew", "image/brightness")}
    (finding,) = summary["findings"]
    assert finding["distance"] > finding["limit"] == 0.2
    assert finding["detail"].startswith("mean 0.49")
    assert "image/brightness" in Path(summary["report"]).read_text()


def test_answers_that_are_mostly_one_class_are_a_finding_of_their_own(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(200, seed=2), (b"cat", b"cat", b"cat", b"dog")))
    status, summary = monitor(workspace)
    assert (status, found(summary)) == (3, {("prediction", "image/class/text")})
    assert summary["findings"][0]["detail"] == "share of `cat` 50.0% -> 75.0%"


def test_a_change_in_the_midst_of_the_log_is_drift_of_that_span(workspace: Path) -> None:
    write_log(log_of(workspace), asked([*images(150, seed=2), *images(50, seed=3, brightness=0.8)]))
    status, summary = monitor(workspace, "--limit", "image/brightness=0.5")
    assert status == 3
    assert [(finding["kind"], finding["feature"], finding["span"]) for finding in summary["findings"]] == [
        ("drift", "image/brightness", 4)
    ]
    assert [span["examples"] for span in summary["spans"]] == [50, 50, 50, 50]
    assert summary["spans"][0]["start"] == "2023-11-14 22:13"


def test_spans_follow_the_time_of_the_requests_and_not_the_order_of_files(workspace: Path) -> None:
    folder = log_of(workspace).parent
    write_log(
        folder / "a-20231101-000000-1.tfrecord", asked(images(100, seed=3, brightness=0.8)), start=START + 9 * DAY
    )
    write_log(folder / "b-20231114-000000-2.tfrecord", asked(images(100, seed=2)))
    _, summary = monitor(workspace, "--spans", "2")
    assert [span["start"][:10] for span in summary["spans"]] == ["2023-11-14", "2023-11-23"]
    assert ("drift", "image/brightness") in found(summary)


def test_a_handful_of_requests_is_not_taken_for_skew(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(5, seed=2), (b"cat",)))
    status, summary = monitor(workspace)
    assert (status, summary["findings"], summary["spans"]) == (0, [], [])
    assert summary["skew"]["image/class/text"]["distance"] == pytest.approx(0.5)


def test_a_value_that_the_users_schema_forbids_is_a_finding(tmp_path: Path) -> None:
    schema = 'feature { name: "image/height" type: INT int_domain { min: 1 max: 8 } }'
    facts = {"task": "image_classification", "labels": ["cat", "dog"]}
    workspace = push_model(tmp_path / "workspace", facts, training_rows(100), TYPES, schema).path
    write_log(log_of(workspace), asked([*images(99, seed=2), *images(1, seed=2, size=9)]))
    status, summary = monitor(workspace)
    assert (status, found(summary)) == (3, {("schema", "image/height")})


def test_other_versions_requests_are_left_out_and_the_newest_asked_is_meant(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(60, seed=2)))
    write_log(log_of(workspace), asked(images(40, seed=2, brightness=0.8)), version=2)
    status, summary = monitor(workspace, "--version", "1")
    assert (status, summary["requests"], summary["other_versions"]) == (0, 60, 40)
    with pytest.raises(UserError, match="does not know of what version 2 of `pet` was made"):
        monitor(workspace)


def test_a_log_that_is_being_written_or_was_damaged_is_read_as_far_as_it_goes(workspace: Path) -> None:
    log = log_of(workspace)
    write_log(log, asked(images(50, seed=2)))
    whole = log.read_bytes()
    with log.open("ab") as file:
        file.write(whole[:100])
    _, summary = monitor(workspace)
    assert (summary["requests"], summary["faults"]) == (50, [])
    # in a head, behind which nothing can be found, and in a record's data
    for place, fault, left in ((0, "what follows it is not looked at", 10), (60, "damaged at byte", 49)):
        broken = bytearray(whole)
        broken[len(whole) // 50 * 10 + place] ^= 0xFF
        log.write_bytes(broken)
        _, summary = monitor(workspace)
        assert (summary["requests"], fault in summary["faults"][0]) == (left, True)
    (log.parent / "other-20231115-000000-7.tfrecord").write_bytes(b"these are no records at all")
    _, summary = monitor(workspace)
    assert "other-20231115" in summary["faults"][0] + summary["faults"][1]


def test_what_is_no_picture_is_counted_and_not_compared(workspace: Path) -> None:
    write_log(log_of(workspace), asked([*images(50, seed=2), b"no picture"]))
    status, summary = monitor(workspace)
    assert (status, summary["examples"], summary["unreadable"]) == (0, 50, 1)


def test_of_pixels_only_what_the_client_did_not_choose_is_compared(workspace: Path) -> None:
    pixels = np.full((3, 28, 28, 1), 127.5, np.float32)
    write_log(log_of(workspace), asked(images(50, seed=2)))
    write_log(log_of(workspace), [({"pixels": pixels}, {"label": [b"cat", b"dog", b"cat"]})], signature="pixels")
    status, summary = monitor(workspace)
    assert (status, summary["examples"]) == (0, 53)
    assert summary["skew"]["image/height"]["distance"] == 0


def test_no_more_requests_are_looked_at_than_allowed_and_these_are_spread_over_all(workspace: Path) -> None:
    write_log(log_of(workspace), asked([*images(100, seed=2), *images(100, seed=2, brightness=0.8)]))
    _, summary = monitor(workspace, "--most", "80", "--spans", "2")
    assert (summary["records"], summary["requests"]) == (200, 80)
    assert ("drift", "image/brightness") in found(summary)


def test_a_few_requests_of_the_wanted_version_are_all_seen_among_many_of_another(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(150, seed=2)), version=1)
    write_log(log_of(workspace), asked(images(10, seed=3)), version=1, start=START + 30 * DAY)
    write_log(log_of(workspace), asked(images(1, seed=2)), version=2)
    write_log(log_of(workspace), [({"pixel": [1.0]}, {})] * 40, signature="other", start=START + 30 * DAY)
    with pytest.raises(UserError, match="version 2 of `pet`"):  # the newest, though asked only once
        monitor(workspace, "--most", "10")
    _, summary = monitor(workspace, "--version", "1", "--since", "2023-12-01", "--most", "10")
    counted = ("requests", "matching", "other_versions", "earlier", "not_measured")
    assert tuple(summary[name] for name in counted) == (10, 10, 1, 150, 40)


def test_the_same_few_examples_again_and_again_are_told(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(4, seed=2) * 25))
    _, summary = monitor(workspace)
    assert (summary["examples"], summary["distinct_examples"]) == (100, 4)
    assert "only 4 distinct examples in 100" in printed(workspace)
    write_log(log_of(workspace), asked([*images(50, seed=2), *images(50, seed=3)]))
    assert "distinct" not in printed(workspace)


def test_earlier_requests_can_be_left_out(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(100, seed=2, brightness=0.8)))
    write_log(log_of(workspace), asked(images(100, seed=2)), start=START + 30 * DAY)
    assert monitor(workspace)[0] == 3
    status, summary = monitor(workspace, "--since", "2023-12-01")
    assert (status, summary["requests"]) == (0, 100)


@pytest.mark.parametrize(
    "options, told",
    [
        (["--limit", "image/brightnes=0.3"], "Training measured no feature `image/brightnes`"),
        (["--limit", "image/brightness"], "`image/brightness` is no limit"),
        (["--limit", "image/brightness=2"], "`image/brightness=2` is no limit"),
        (["--since", "yesterday"], "`yesterday` is no time"),
        (["--logs", "nowhere"], "There are no logged requests, because there is no such file or folder"),
        (["--version", "7"], "None of the logged requests was answered by version 7"),
    ],
)
def test_a_wish_that_cannot_be_followed_is_explained(workspace: Path, options: list[str], told: str) -> None:
    write_log(log_of(workspace), asked(images(5, seed=2)))
    with pytest.raises(UserError, match=told) as error:
        monitor(workspace, *options)
    assert error.value.fix


def test_a_model_without_logged_requests_or_unknown_is_named(workspace: Path) -> None:
    with pytest.raises(UserError, match="There are no logged requests") as error:
        monitor(workspace)
    assert "Set `serving.log_requests`" in error.value.fix
    register_model(workspace / "served_models", "pet", log_rate=0.5)
    with pytest.raises(UserError, match="There are no logged requests yet") as error:
        monitor(workspace)
    assert "`serving.log_requests` is 0.5 already" in error.value.fix and "Set" not in error.value.fix
    with pytest.raises(UserError, match="No model `pets` was pushed") as error:
        CliRunner().invoke(
            app, ["monitor", "pets", "--workspace", str(workspace)], standalone_mode=False, catch_exceptions=False
        )
    assert "Did you mean `pet`?" in error.value.fix


def test_the_screen_gets_a_line_a_finding(workspace: Path) -> None:
    write_log(log_of(workspace), asked(images(200, seed=2, brightness=0.8)))
    result = CliRunner().invoke(
        app, ["monitor", "pet", "--workspace", str(workspace), "--out", str(workspace / "page.html")]
    )
    assert result.exit_code == 3
    first, finding, last = result.stdout.strip().splitlines()
    assert first == "pet version 1: 200 requests, 200 examples"
    assert finding.split()[:3] == ["skew", "image/brightness", "distance"]
    assert last.endswith("page.html")
    assert (workspace / "page.html").is_file()


def test_a_number_that_never_changed_is_compared_by_how_often_it_still_comes() -> None:
    def heights(*values: int) -> Any:
        return statistics_of([{"h": [value]} for value in values], {"h": "INT"})

    always, seldom, mixed = heights(*[28] * 90), heights(*[28] * 89, 8), heights(*[28] * 45, *[8] * 45)
    assert constant_distance(always, always, "h", 1.0) == 0
    assert constant_distance(always, heights(8, 8), "h", 0.0) == 1
    # worked out by hand; TFDV counts the bars of a histogram nearly, not exactly
    assert divergence_from_point(89 / 90) == pytest.approx(0.0056, abs=1e-4)
    assert constant_distance(always, seldom, "h", 1.0) == pytest.approx(0.0056, abs=1e-3)
    assert constant_distance(mixed, always, "h", 1.0) == pytest.approx(0.3113, abs=1e-3)
    assert constant_distance(always, heights(5, 9, 12), "h", 0.5) == pytest.approx(1.0)


def test_a_forecasters_histories_and_forecasts_are_compared(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    types = {"series/mean": "FLOAT", "series/deviation": "FLOAT", "series/target": "FLOAT"}

    def history(level: float) -> NDArray[np.float32]:
        return random.normal(level, 5, (1, 30, 1)).astype(np.float32)

    rows: list[Row] = []
    for _ in range(300):
        values = history(100)[0, -24:]
        rows.append(
            {
                "series/mean": [float(values.mean())],
                "series/deviation": [float(values.std())],
                "series/target": values[:6, 0].tolist(),
            }
        )
    facts = {"task": "forecasting", **window_facts().model_dump(mode="json")}
    workspace = push_model(tmp_path / "workspace", facts, rows, types).path

    def requests(level: float) -> list[Any]:
        given = [history(level) for _ in range(100)]
        for values in given:
            values[:, :6] = 1e6  # rows before the last 24 do not count
        return [({"history": values}, {"forecast": values[:, -6:]}) for values in given]

    write_log(log_of(workspace), requests(100))
    assert monitor(workspace)[1]["findings"] == []
    log_of(workspace).unlink()
    write_log(log_of(workspace), requests(120))
    status, summary = monitor(workspace)
    assert (status, found(summary)) == (3, {("skew", "series/mean"), ("prediction", "series/target")})


def test_a_detectors_photos_and_findings_are_compared(tmp_path: Path) -> None:
    types = {
        "image/height": "INT",
        "image/brightness": "FLOAT",
        "image/object/class/text": "BYTES",
        "image/boxes": "INT",
        "image/box/largest": "FLOAT",
    }
    rows: list[Row] = [
        {
            "image/height": [8],
            "image/brightness": [0.5],
            "image/object/class/text": [b"cat", b"dog"],
            "image/boxes": [2],
            "image/box/largest": [0.25],
        }
        for _ in range(200)
    ]
    workspace = push_model(
        tmp_path / "workspace", {"task": "object_detection", "labels": ["cat", "dog"]}, rows, types
    ).path

    def answer(labels: list[bytes]) -> dict[str, Any]:
        boxes = np.array([[[0, 0, 0.5, 0.5], [0.5, 0.5, 0.9, 0.9], [0, 0, 1, 1]]], np.float32)
        scores = np.array([[0.9, 0.8, 0.1]], np.float32)  # the third is not sure enough to count
        return {
            "detection_boxes": boxes,
            "detection_scores": scores,
            "detection_labels": [[*labels, b"cow"]],
            "num_detections": [3.0],
        }

    asked = [{"image_bytes": [content]} for content in images(100, seed=2)]
    write_log(log_of(workspace), [(image, answer([b"cat", b"dog"])) for image in asked])
    _, summary = monitor(workspace)
    assert found(summary) == {("skew", "image/brightness")}  # the training's was always the same
    assert summary["skew"]["image/boxes"]["distance"] == 0
    log_of(workspace).unlink()
    write_log(log_of(workspace), [(image, answer([b"cat", b"cat"])) for image in asked])
    assert ("prediction", "image/object/class/text") in found(monitor(workspace)[1])


@pytest.mark.slow
def test_what_a_server_logged_is_compared_with_the_very_run_that_trained_its_model(
    digits_line: tuple[Callable[..., Any], dict[str, Any]], tmp_path: Path
) -> None:
    command, run = digits_line
    record = json.loads(command("show", run["run"], "--json").stdout)
    shards = Examples.open(Path(record["artifacts"]["examples"])).shards("test")
    digits = [encoded_image(item) for shard in shards for item in read_records(shard)]
    config = tmp_path / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "digits" base_path: "{Path(run["pushed"]["path"]).parent}" '
        f'model_platform: "tensorflow" logging_config {{ sampling_config {{ sampling_rate: 1 }} '
        f'log_collector_config {{ type: "file" filename_prefix: "{tmp_path}/logs/digits" }} }} }} }}'
    )
    server = start_server(Models(tmp_path, config_file=config), tmp_path / "server.log", "embedded")
    try:
        server.wait_until_ready()
        with Client(server.url) as client:
            client.predict_images("digits", digits)
    finally:
        server.stop()
    answer = command(
        "monitor", "digits", "--logs", tmp_path / "logs", "--out", tmp_path / "page.html", "--json", check=False
    )
    summary = json.loads(answer.stdout)
    assert (answer.returncode, summary["findings"]) == (0, [])
    assert (summary["examples"], summary["trained_in"]) == (len(digits), run["run"])
