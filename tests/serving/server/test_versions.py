"""Versions come and go on disk while requests are answered: loaded before unloaded, broken ones cost nothing."""

from __future__ import annotations

import json
import select
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from serving.client import Client, ServerError
from serving.launch import Server, start_server
from serving.model_config import ModelConfig
from serving.tensorflow_serving import Models
from serving.warmup import write_warmup


@pytest.fixture(scope="module")
def served(
    half_plus_two: Path, save_model: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Server]]:
    """A server of its own that looks for versions of `half`, `other` and `slow`."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("served")
    shutil.copytree(half_plus_two, root / "half" / "1")
    shutil.copytree(half_plus_two, root / "other" / "1")

    def slow(x: Any) -> dict[str, Any]:
        matrix = tf.fill([700, 700], x[0])
        matrix = tf.while_loop(
            lambda *_: True, lambda m: [tf.nn.softmax(tf.matmul(m, m))], [matrix], maximum_iterations=150
        )[0]
        return {"y": matrix[:1, 0]}

    save_model(root / "slow" / "1", slow, {"x": ([None], "float32")})
    write_config(root, {"half": "", "other": "", "slow": ""})
    server = start_server(Models(root, config_file=root / "models.config"), root / "server.log", "embedded")
    try:
        server.wait_until_ready()
        yield root, server
    finally:
        server.stop()


def write_config(root: Path, policies: dict[str, str]) -> None:
    entries = [
        f'config {{ name: "{name}" base_path: "{root / name}" model_platform: "tensorflow" {policy} }}'
        for name, policy in policies.items()
    ]
    (root / ".models.config").write_text("model_config_list { " + " ".join(entries) + " }")
    (root / ".models.config").rename(root / "models.config")


def drop_in(source: Path, target: Path) -> None:
    """Put a version in place by one rename, as the pusher does."""
    shutil.copytree(source, target.with_name(f".tmp-{target.name}"))
    target.with_name(f".tmp-{target.name}").rename(target)


def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def states(client: Client, name: str) -> dict[int, str]:
    return {item.version: item.state for item in client.status(name)}


def test_a_dropped_in_version_takes_over_without_one_failed_request(
    served: tuple[Path, Server], half_plus_three: Path
) -> None:
    root, server = served
    answers, stop = [], threading.Event()

    def ask() -> None:
        with Client(server.url) as client:
            while not stop.is_set():
                answers.append(client.predict("half", instances=[1.0])[0])

    with ThreadPoolExecutor(2) as pool, Client(server.url) as client:
        asking = [pool.submit(ask) for _ in range(2)]
        drop_in(half_plus_three, root / "half" / "0000002")
        client.wait_until_available("half", 2, 30)
        until(lambda: states(client, "half") == {1: "END", 2: "AVAILABLE"})
        stop.set()
        for future in asking:
            future.result()  # a failed request raises here
        assert answers.index(3.5) == answers.count(2.5), "once the new version answers, the old one does not any more"
        with pytest.raises(ServerError, match="Servable not found for request: Specific\\(half, 1\\)"):
            client.predict("half", instances=[1.0], version=1)


def test_a_broken_version_keeps_the_old_one_serving(served: tuple[Path, Server]) -> None:
    root, server = served
    (root / ".tmp-3").mkdir()
    (root / ".tmp-3" / "saved_model.pb").write_bytes(b"this is no model")
    (root / ".tmp-3").rename(root / "half" / "3")
    with Client(server.url) as client:
        with pytest.raises(ServerError, match="could not load `half` version 3"):
            client.wait_until_available("half", 3, 30)
        assert states(client, "half")[2] == "AVAILABLE"
        assert client.predict("half", instances=[1.0]) == [3.5]
        broken = client.status("half", 3)[0]
        assert broken.state == "END" and broken.error_code != "OK" and "saved_model" in broken.error_message
        shutil.rmtree(root / "half" / "3")


def test_a_failing_warm_up_request_makes_the_load_fail(
    served: tuple[Path, Server], half_plus_two: Path, tmp_path: Path
) -> None:
    import numpy as np

    root, server = served
    bad = Path(shutil.copytree(half_plus_two, tmp_path / "model"))
    write_warmup(
        bad, [("serving_default", {"x": np.ones(3, np.float32)}), ("no_such_signature", {"x": np.ones(3, np.float32)})]
    )
    drop_in(bad, root / "half" / "4")
    with Client(server.url) as client:
        with pytest.raises(ServerError, match="no_such_signature"):
            client.wait_until_available("half", 4, 30)
        assert client.predict("half", instances=[1.0]) == [3.5]
    shutil.rmtree(root / "half" / "4")


def test_warm_up_requests_are_replayed_before_a_version_is_available(
    served: tuple[Path, Server], half_plus_two: Path, tmp_path: Path
) -> None:
    import numpy as np

    root, server = served
    good = Path(shutil.copytree(half_plus_two, tmp_path / "model"))
    assert write_warmup(good, [("serving_default", {"x": np.ones(3, np.float32)})] * 5) == 5
    drop_in(good, root / "half" / "5")
    with Client(server.url) as client:
        client.wait_until_available("half", 5, 30)
    assert "half version 5 is available (5 warm-up requests)" in server.log.read_text()


def test_deleting_the_newest_version_rolls_back(served: tuple[Path, Server]) -> None:
    root, server = served
    (root / "half" / "5").rename(root / "half" / ".rejected-5")
    with Client(server.url) as client:
        until(lambda: states(client, "half").get(2) == "AVAILABLE" and states(client, "half")[5] == "END")
        assert client.predict("half", instances=[1.0]) == [3.5]


def test_policies_and_models_change_with_the_file(served: tuple[Path, Server], half_plus_three: Path) -> None:
    root, server = served
    drop_in(half_plus_three, root / "other" / "2")
    drop_in(half_plus_three, root / "other" / "3")
    all_of_them = {"half": "", "slow": ""}
    with Client(server.url) as client:
        write_config(root, {**all_of_them, "other": "model_version_policy { all {} }"})
        until(lambda: states(client, "other") == {1: "AVAILABLE", 2: "AVAILABLE", 3: "AVAILABLE"})
        write_config(
            root,
            {
                **all_of_them,
                "other": "model_version_policy { specific { versions: 1 versions: 2 } } version_labels { key: 'old' value: 1 }",
            },
        )
        until(lambda: states(client, "other") == {1: "AVAILABLE", 2: "AVAILABLE", 3: "END"})
        assert client.predict("other", instances=[1.0]) == [3.5], "no version means the highest that serves"
        until(lambda: client.predict("other", instances=[1.0], label="old") == [2.5])
        (root / "models.config").write_text("model_config_list { config {")
        until(lambda: "the old models.config stays" in server.log.read_text())
        assert client.predict("other", instances=[1.0]) == [3.5], "a file that cannot be read changes nothing"
        write_config(root, all_of_them)
        until(lambda: gone(client, "other"))


def gone(client: Client, name: str) -> bool:
    try:
        client.predict(name, instances=[1.0])
    except ServerError as error:
        return error.status == 404
    return False


def test_a_slow_model_blocks_nobody_and_is_finished_before_the_server_stops(served: tuple[Path, Server]) -> None:
    _, server = served
    slow = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    slow.request("POST", "/v1/models/slow:predict", '{"instances": [1.0]}')
    with Client(server.url) as client:
        for _ in range(3):
            assert states(client, "half")[2] == "AVAILABLE"
    answered, _, _ = select.select([slow.sock], [], [], 0)
    assert not answered, "those who asked later must be answered while the slow model computes"
    server.process.terminate()
    assert len(json.loads(slow.getresponse().read())["predictions"]) == 1
    slow.close()
    assert server.stop() == 0


@pytest.mark.slow
def test_a_model_without_any_loadable_version_fails_the_start(tmp_path: Path) -> None:
    (tmp_path / "bad" / "1").mkdir(parents=True)
    server = start_server(Models(tmp_path, name="bad", base_path=tmp_path / "bad"), tmp_path / "log", "embedded")
    with pytest.raises(ServerError, match="1 servable\\(s\\) did not become available: bad"):
        server.wait_until_ready()
    assert server.stop() == 1


@pytest.mark.parametrize(
    ("config", "selected"),
    [
        (ModelConfig("m", "/m"), {7}),
        (ModelConfig("m", "/m", newest=2), {3, 7}),
        (ModelConfig("m", "/m", newest=0), {7}),
        (ModelConfig("m", "/m", newest=9), {1, 3, 7}),
        (ModelConfig("m", "/m", "all"), {1, 3, 7}),
        (ModelConfig("m", "/m", "specific", versions=(1, 5)), {1}),
    ],
)
def test_a_policy_selects_from_what_is_on_disk(config: ModelConfig, selected: set[int]) -> None:
    assert config.select({1, 3, 7}) == selected


def test_a_computation_beyond_its_time_is_given_up(served: tuple[Path, Server]) -> None:
    import numpy as np

    from serving.server.errors import RequestError
    from serving.server.models.saved_model import Servable

    servable = Servable(served[0] / "slow" / "1", ["serve"], timeout_ms=20)
    signature = servable.signature("serving_default")
    assert signature is not None
    with pytest.raises(RequestError) as caught:
        servable.run(signature, {"x": np.ones(1, np.float32)})
    assert caught.value.http_status == 504
