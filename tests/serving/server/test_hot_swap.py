"""Versions come and go while many clients ask over both APIs: no request fails, and no answer is of two versions."""

from __future__ import annotations

import json
import select
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import Client, ServerError
from serving.launch import Server, start_server
from serving.model_config import ModelConfig
from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.flags import read_flags
from serving.server.models.saved_model import Servable
from serving.tensorflow_serving import Models


@pytest.fixture(scope="module")
def served(
    half_plus_two: Path, save_model: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, Server]]:
    """A server that batches, of `other`, `slow` and `pair`, whose version N answers N and -N; `pair` came late."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("served")
    shutil.copytree(half_plus_two, root / "other" / "1")
    for number in range(1, 5):
        save_model(
            root / "waiting" / f"{number}",
            lambda x, number=number: {"plus": tf.fill(tf.shape(x), number), "minus": tf.fill(tf.shape(x), -number)},
            {"x": ([None], "float32")},
        )

    def slow(x: Any) -> dict[str, Any]:
        matrix = tf.fill([700, 700], x[0])
        matrix = tf.while_loop(
            lambda *_: True, lambda m: [tf.nn.softmax(tf.matmul(m, m))], [matrix], maximum_iterations=150
        )[0]
        return {"y": matrix[:1, 0]}

    save_model(root / "slow" / "1", slow, {"x": ([None], "float32")})
    (root / "pair").mkdir()
    write_config(root, {"pair": "", "other": "", "slow": ""})
    server = start_server(
        Models(root, config_file=root / "models.config"),
        root / "server.log",
        "embedded",
        extra_flags=["--enable_batching"],
    )
    try:
        until(lambda: "No versions of servable pair found under base path" in server.log.read_text())
        assert server.process.poll() is None and not server.is_ready(), "it waits, and serves nothing meanwhile"
        push(root, 1)
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


def push(root: Path, number: int) -> None:
    """Put a version of `pair` in place by one rename, as the pusher does."""
    (root / "waiting" / f"{number}").rename(root / "pair" / f"{number}")


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def states(client: Client, name: str) -> dict[int, str]:
    return {item.version: item.state for item in client.status(name)}


def ask_over_rest(server: Server, stop: threading.Event, rows: int) -> list[set[int]]:
    """Ask again and again; return the versions that each answer is of."""
    connection, answers = HTTPConnection(server.url.removeprefix("http://"), timeout=30), []
    body = json.dumps({"instances": [1.0] * rows})
    stopping = False
    while not stopping:
        stopping = stop.is_set()  # asked once more then, so that the last version answers everybody
        connection.request("POST", "/v1/models/pair:predict", body)
        response = connection.getresponse()
        content = response.read()
        assert response.status == 200, content
        predictions = json.loads(content)["predictions"]
        assert len(predictions) == rows
        answers.append({value for row in predictions for value in (row["plus"], -row["minus"])})
    connection.close()
    return answers


def ask_over_grpc(server: Server, stop: threading.Event, rows: int) -> list[set[int]]:
    """Ask again and again; return the versions that each answer is of and says to be of."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request, answers = predict_pb2.PredictRequest(), []
    request.model_spec.name = "pair"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0] * rows))
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        stopping = False
        while not stopping:
            stopping = stop.is_set()
            answer = stub.Predict(request, timeout=30)
            plus, minus = answer.outputs["plus"].int_val, answer.outputs["minus"].int_val
            assert len(plus) == len(minus) == rows
            answers.append({*plus, *(-value for value in minus), answer.model_spec.version.value})
    return answers


def test_no_request_fails_and_no_answer_is_mixed_while_versions_come_and_go(served: tuple[Path, Server]) -> None:
    root, server = served
    stop = threading.Event()
    with ThreadPoolExecutor(6) as pool, Client(server.url) as client:
        asking = [pool.submit(ask_over_rest, server, stop, rows) for rows in (1, 2, 3, 40)]
        asking += [pool.submit(ask_over_grpc, server, stop, rows) for rows in (1, 5)]
        try:
            for number in (2, 3):
                push(root, number)
                until(partial(is_served, client, number))
            (root / "pair" / "broken").mkdir()
            (root / "pair" / "broken" / "saved_model.pb").write_bytes(b"this is no model")
            (root / "pair" / "broken").rename(root / "pair" / "9")
            until(lambda: states(client, "pair").get(9) == "END")
            shutil.rmtree(root / "pair" / "9")
            (root / "pair" / "3").rename(root / "waiting" / "3")  # a rollback
            until(lambda: states(client, "pair") == {**served_is(2), 3: "END", 9: "END"})
            push(root, 4)
            until(lambda: states(client, "pair") == {**served_is(4), 9: "END"})
            assert not any(future.done() for future in asking), "somebody was not answered"
        finally:
            stop.set()
        answers = [future.result() for future in asking]
    for one_client in answers:
        assert all(len(versions) == 1 for versions in one_client), "an answer is of two versions"
        order = [number for (number,) in one_client]
        changes = [number for before, number in zip([0, *order], order, strict=False) if number != before]
        assert changes == [1, 2, 3, 2, 4], "once a new version answers, the old one does not any more"
    counted = Counter(number for one_client in answers for (number,) in one_client)
    assert min(counted.values()) > 5 and server.log.read_text().count("Traceback") == 0


def is_served(client: Client, number: int) -> bool:
    return states(client, "pair") == served_is(number)


def served_is(number: int) -> dict[int, str]:
    """Return the states when this one serves, and those before it have ended."""
    return {**dict.fromkeys(range(1, number), "END"), number: "AVAILABLE"}


def test_policies_and_models_change_with_the_file(served: tuple[Path, Server], half_plus_three: Path) -> None:
    root, server = served
    for number in ("2", "3"):
        shutil.copytree(half_plus_three, root / "other" / f"tmp-{number}")
        (root / "other" / f"tmp-{number}").rename(root / "other" / number)
    all_of_them = {"pair": "", "slow": ""}
    policy = "model_version_policy { specific { versions: 1 versions: 2 } } version_labels { key: 'old' value: 1 }"
    with Client(server.url) as client:
        write_config(root, {**all_of_them, "other": "model_version_policy { all {} }"})
        until(lambda: states(client, "other") == {1: "AVAILABLE", 2: "AVAILABLE", 3: "AVAILABLE"})
        write_config(root, {**all_of_them, "other": policy})
        until(lambda: states(client, "other") == {1: "AVAILABLE", 2: "AVAILABLE", 3: "END"})
        assert client.predict("other", instances=[1.0]) == [3.5], "no version means the highest that serves"
        assert client.predict("other", instances=[1.0], label="old") == [2.5]
        (root / "models.config").write_text("model_config_list { config {")
        until(lambda: "the old models.config stays" in server.log.read_text())
        assert client.predict("other", instances=[1.0]) == [3.5], "a file that cannot be read changes nothing"
        write_config(root, all_of_them)
        until(lambda: gone(client, "other"))
        assert states(client, "other") == {1: "END", 2: "END", 3: "END"}


def gone(client: Client, name: str) -> bool:
    try:
        client.predict(name, instances=[1.0])
    except ServerError as error:
        return error.status == 404 and set(states(client, name).values()) == {"END"}
    return False


def test_a_slow_model_blocks_nobody_and_is_finished_before_the_server_stops(served: tuple[Path, Server]) -> None:
    """The last of this server."""
    _, server = served
    slow = HTTPConnection(server.url.removeprefix("http://"), timeout=60)
    slow.request("POST", "/v1/models/slow:predict", '{"instances": [1.0]}')
    with Client(server.url) as client:
        for _ in range(3):
            assert states(client, "pair")[4] == "AVAILABLE"
    answered, _, _ = select.select([slow.sock], [], [], 0)
    assert not answered, "those who asked later must be answered while the slow model computes"
    server.process.terminate()
    assert len(json.loads(slow.getresponse().read())["predictions"]) == 1
    slow.close()
    assert server.stop() == 0


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


def test_a_computation_beyond_its_time_is_given_up_unless_its_client_waits(served: tuple[Path, Server]) -> None:
    servable = Servable(served[0] / "slow" / "1", ["serve"], timeout_ms=20)
    signature, one = servable.signature("serving_default"), {"x": np.ones(1, np.float32)}
    assert signature is not None
    for deadline in (0.0, time.monotonic() + 0.001):
        with pytest.raises(RequestError) as caught:
            servable.run(signature, one, deadline)
        assert caught.value.http_status == 504
    assert servable.run(signature, one, float("inf"))["y"].shape == (1,)
    servable.close()


def test_a_limit_of_0_is_none(served: tuple[Path, Server]) -> None:
    nothing: Any = None
    timeout_ms = read_flags(["--rest_api_timeout_in_ms=0"]).flags.rest_api_timeout_in_ms
    core = Core(nothing, nothing, nothing, nothing, timeout_ms=timeout_ms)
    assert core.rest_deadline() > time.monotonic() + 3600
    servable = Servable(served[0] / "slow" / "1", ["serve"], core.timeout_ms)
    servable.in_callers_thread = True
    signature = servable.signature("serving_default")
    assert signature is not None
    assert servable.run(signature, {"x": np.ones(1, np.float32)})["y"].shape == (1,)
    assert servable.in_callers_thread, "there is no time of which a share would be long"
    servable.close()


def test_a_network_that_takes_long_is_computed_in_several_threads_and_cut_short_from_then_on(
    served: tuple[Path, Server],
) -> None:
    servable = Servable(served[0] / "slow" / "1", ["serve"], timeout_ms=20)
    servable.in_callers_thread = True
    one = {"x": np.ones(1, np.float32)}
    signature = servable.signature("serving_default")
    assert signature is not None
    assert servable.run(signature, one)["y"].shape == (1,), "nothing cuts it short in its caller's thread"
    signature = servable.signature("serving_default")
    assert signature is not None and not servable.in_callers_thread
    with pytest.raises(RequestError) as caught:
        servable.run(signature, one)
    assert caught.value.http_status == 504
    servable.close()
