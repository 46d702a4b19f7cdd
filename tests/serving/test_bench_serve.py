"""`labline bench-serve` sends real examples and tells throughput, percentiles and failures."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from serving.bench import BenchOptions, bench, find_warmup_file, take
from serving.client import ServerError
from serving.launch import Server
from serving.model_config import FOLDER
from serving.warmup import write_warmup


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace whose models, which the shared server serves, have warm-up files."""
    half = [("serving_default", {"x": np.array([1, 2, 2], np.float32)}), ("other", {"x": np.zeros(1, np.float32)})]
    write_warmup(tmp_path / FOLDER / "half_plus_two" / "00000123", half)
    write_warmup(tmp_path / FOLDER / "sum" / "1", [("", {"a": np.ones(2, np.float32), "b": np.ones(2, np.float32)})])
    write_warmup(tmp_path / FOLDER / "text" / "1", [("", {"text": np.array([b"\xff", b"rose"], object)})])
    return tmp_path


@pytest.mark.parametrize(("name", "different"), [("half_plus_two", 2), ("sum", 1), ("text", 2)])
def test_examples_of_the_warm_up_file_are_sent_and_counted(
    workspace: Path, server: Server, capsys: pytest.CaptureFixture[str], name: str, different: int
) -> None:
    assert bench(BenchOptions(name, clients=2, seconds=0.3), server.url, workspace, as_json=False) == 0
    said = capsys.readouterr().out
    assert f"1 example a request, {different} different requests of the version's warm-up file" in said
    assert "requests/s" in said and "p99" in said and "failed       none" in said


@pytest.mark.parametrize(("name", "different"), [("half_plus_two", 2), ("sum", 1), ("text", 2)])
def test_a_grpc_api_is_asked_with_the_same_examples(
    workspace: Path, server: Server, capsys: pytest.CaptureFixture[str], name: str, different: int
) -> None:
    url = f"grpc://{server.grpc_address}"
    assert bench(BenchOptions(name, clients=4, seconds=0.4, rows=3), url, workspace, as_json=False) == 0
    said = capsys.readouterr().out
    assert "3 examples a request" in said and "the version's warm-up file" in said and "failed       none" in said
    assert bench(BenchOptions(name, clients=2, seconds=1.0, rate=50.0), url, workspace, as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert 10 < facts["statuses"]["200"] <= 51
    assert facts["p50_ms"] <= facts["p99_ms"] <= facts["max_ms"]


def test_failures_over_grpc_are_told_by_their_codes(
    workspace: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fitting, wide = np.ones((1, 2), np.float32), np.ones((1, 3), np.float32)
    write_warmup(workspace / FOLDER / "matrix" / "1", [("", {"x": fitting}), ("", {"x": wide})])
    assert bench(BenchOptions("matrix", 2, 0.3), f"grpc://{server.grpc_address}", workspace, as_json=False) == 1
    assert "x INVALID_ARGUMENT" in capsys.readouterr().out


def test_the_figures_as_json_belong_together(
    workspace: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    options = BenchOptions("half_plus_two", clients=3, seconds=0.4, rows=4)
    assert bench(options, server.url, workspace, as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["name"], facts["version"], facts["clients"], facts["rows"]) == ("half_plus_two", 123, 3, 4)
    assert facts["p50_ms"] <= facts["p95_ms"] <= facts["p99_ms"] <= facts["max_ms"]
    answered = facts["requests_per_second"] * facts["seconds"]
    assert facts["statuses"] == {"200": pytest.approx(answered, rel=0.01)}
    assert facts["examples_per_second"] == pytest.approx(4 * facts["requests_per_second"], rel=0.01)


def test_pictures_can_be_sent_instead(tmp_path: Path, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG")
    (tmp_path / "a.png").write_bytes(stream.getvalue())
    assert bench(BenchOptions("text", 2, 0.2, files=(tmp_path / "a.png",)), server.url, None, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["requests_per_second"] > 0


def test_what_cannot_be_sent_is_told_before_the_load(workspace: Path, server: Server) -> None:
    with pytest.raises(UserError, match="no warm-up file") as caught:
        bench(BenchOptions("matrix"), server.url, workspace, as_json=False)
    assert "--file" in caught.value.fix
    with pytest.raises(UserError, match="asks signature `third`") as caught:
        bench(BenchOptions("half_plus_two", signature="third"), server.url, workspace, as_json=False)
    assert "`other`, `serving_default`" in caught.value.fix
    with pytest.raises(ServerError, match="no version 4 of `half_plus_two`") as caught:
        bench(BenchOptions("half_plus_two", version=4), server.url, workspace, as_json=False)
    assert caught.value.fix == "There are: 123."
    with pytest.raises(UserError, match="no address") as caught:
        bench(BenchOptions("half_plus_two"), "127.0.0.1:8501", workspace, as_json=False)
    assert "A server's address looks like http://127.0.0.1:8501" in caught.value.fix
    with pytest.raises(ServerError, match="nobody"):
        bench(BenchOptions("nobody"), server.url, workspace, as_json=False)
    shutil.copytree(workspace / FOLDER / "text" / "1", workspace / FOLDER / "int32" / "1")
    with pytest.raises(ServerError, match="int32"):
        bench(BenchOptions("int32"), server.url, workspace, as_json=False)


def test_failures_are_told_and_end_in_status_1(
    workspace: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fitting, wide = np.ones((1, 2), np.float32), np.ones((1, 3), np.float32)
    write_warmup(workspace / FOLDER / "matrix" / "1", [("", {"x": fitting}), ("", {"x": wide})])
    assert bench(BenchOptions("matrix", 2, 0.2), server.url, workspace, as_json=False) == 1
    assert "x status 400" in capsys.readouterr().out


def test_versions_are_found_by_their_number_and_rows_begin_again(workspace: Path) -> None:
    assert find_warmup_file(workspace, "half_plus_two", 123) is not None
    assert find_warmup_file(workspace, "half_plus_two", 12) is find_warmup_file(None, "half_plus_two", 123) is None
    assert take([1, 2, 3], 2, 5) == [3, 1, 2, 3, 1]
