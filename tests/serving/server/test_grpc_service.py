"""The gRPC API as a server: health, TLS, tokens, limits, and its end."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest

from pipeline.errors import UserError
from serving.server.batching import BatchedExecution
from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.grpc_api.service import read_channel_arguments
from serving.server_config_files import BatchingParameters, SSLConfig
from tests.support.grpc_errors import error_of


def ask(api: Any, **keywords: Any) -> list[float]:
    """Ask half_plus_two about 1."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "half_plus_two"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.array([1], np.float32)))
    return list(api.prediction.Predict(request, **{"timeout": 20, **keywords}).outputs["y"].float_val)


def turn(api: Any, rounds: int, **keywords: Any) -> Any:
    """Begin a call that keeps the model busy."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "slow"
    request.inputs["rounds"].CopyFrom(tf.make_tensor_proto(np.array([rounds], np.int32)))
    return api.prediction.Predict.future(request, **keywords)


def test_health_names_the_services_and_only_where_it_is_switched_on(serve_grpc: Any, grpc_api: Any) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    stub = health_pb2_grpc.HealthStub(serve_grpc(healthcheck=True).channel)
    for name in ("", "ModelService", "PredictionService"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == 1, "SERVING"
    unknown = health_pb2.HealthCheckRequest(service="Other")
    assert error_of(lambda: stub.Check(unknown))[0] == "NOT_FOUND"
    without = health_pb2_grpc.HealthStub(grpc_api.channel)
    assert error_of(lambda: without.Check(unknown))[0] == "UNIMPLEMENTED"


def test_a_token_is_asked_of_every_call_but_health(serve_grpc: Any) -> None:
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    api = serve_grpc(bearer_token="secret", healthcheck=True)
    assert ask(api, metadata=[("authorization", "Bearer secret")]) == [2.5]
    for metadata in ([], [("authorization", "Bearer wrong")], [("authorization", "secret")]):
        code, details = error_of(lambda: ask(api, metadata=metadata))  # noqa: B023
        assert code == "UNAUTHENTICATED"
        assert "authorization" in details and "secret" not in details
    assert health_pb2_grpc.HealthStub(api.channel).Check(health_pb2.HealthCheckRequest()).status == 1


def test_one_call_too_many_is_refused_and_the_others_go_on(serve_grpc: Any, core: Core) -> None:
    api = serve_grpc(max_in_flight=1)
    busy = turn(api, 20_000)
    wait_until_busy(core)
    code, details = error_of(lambda: ask(api))
    assert code == "UNAVAILABLE", details
    assert busy.result().outputs["y"].float_val == [1]
    assert ask(api) == [2.5]


def test_a_call_that_its_client_gave_up_counts_until_the_model_is_through(serve_grpc: Any, core: Core) -> None:
    api = serve_grpc(max_in_flight=1)
    busy = turn(api, 20_000)
    wait_until_busy(core)
    busy.cancel()
    with core.manager.lend("slow") as handle:
        while handle.servable.users > 1:
            with suppress_refusal():
                ask(api)
                assert handle.servable.users < 2, "the model was busy, and yet another call was let in"
            time.sleep(0.05)
    while True:
        with suppress_refusal():
            assert ask(api) == [2.5]
            break


@contextmanager
def suppress_refusal() -> Iterator[None]:
    """Pass over a call that is refused because there are too many."""
    try:
        yield
    except grpc.RpcError as error:
        assert error.code().name == "UNAVAILABLE"


def test_a_full_batching_queue_is_unavailable(serve_grpc: Any, core: Core) -> None:
    parameters = BatchingParameters(max_batch_size=1, max_enqueued_batches=1, num_batch_threads=1)
    batched = BatchedExecution(parameters, core.metrics)
    api = serve_grpc(over=replace(core, execution=batched))
    calls = [turn(api, 10_000) for _ in range(8)]
    codes = [call.code().name for call in calls]
    batched.close()
    assert set(codes) == {"OK", "UNAVAILABLE"}


def wait_until_busy(core: Core) -> None:
    """Wait until a call is in the slow model."""
    with core.manager.lend("slow") as handle:
        while handle.servable.users < 2:
            time.sleep(0.005)


def test_a_client_with_a_deadline_does_not_wait_longer(grpc_api: Any, core: Core) -> None:
    call = turn(grpc_api, 20_000, timeout=0.3)
    assert error_of(call.result)[0] == "DEADLINE_EXCEEDED"
    # the version is given back all the same when the computation has ended
    with core.manager.lend("slow") as handle:
        while handle.servable.users > 1:
            time.sleep(0.02)
    assert ask(grpc_api) == [2.5]


def test_a_call_that_comes_too_late_is_not_computed(core: Core) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    from serving.server.grpc_api.prediction_service import PredictionService

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "half_plus_two"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.array([1], np.float32)))
    service = PredictionService(core, False, Executor(), Executor())
    late = SimpleNamespace(time_remaining=lambda: -1.0)
    with pytest.raises(RequestError) as caught:
        asyncio.run(service.predict(request.SerializeToString(), late))
    assert caught.value.code == "DEADLINE_EXCEEDED"


def test_a_stopping_server_finishes_what_runs_and_takes_nothing_new(serve_grpc: Any, core: Core) -> None:
    api = serve_grpc()
    busy = turn(api, 20_000)
    wait_until_busy(core)
    stopping = threading.Thread(target=api.server.stop, args=(30,))
    stopping.start()
    assert busy.result().outputs["y"].float_val == [1]
    stopping.join()
    assert error_of(lambda: ask(api))[0] == "UNAVAILABLE"


def test_a_unix_socket_takes_the_place_of_the_port(serve_grpc: Any, tmp_path: Path) -> None:
    api = serve_grpc(socket_path=str(tmp_path / "grpc.sock"), port=0)
    assert api.server.port is None
    assert ask(api) == [2.5]


def test_a_port_in_use_is_told(serve_grpc: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"127.0.0.1:{port}"):
            serve_grpc(port=port)
    api = serve_grpc()
    with pytest.raises(UserError, match="cannot listen"):
        serve_grpc(port=api.server.port)


def test_channel_arguments_are_read_and_reach_the_server(serve_grpc: Any) -> None:
    arguments = read_channel_arguments("grpc.max_receive_message_length=10, grpc.lb_policy_name=x")
    assert arguments == (("grpc.max_receive_message_length", 10), ("grpc.lb_policy_name", "x"))
    assert read_channel_arguments("") == ()
    for text in ("a", "=1", "a=1,b"):
        with pytest.raises(UserError, match="NAME=VALUE"):
            read_channel_arguments(text)
    api = serve_grpc(channel_arguments=arguments)
    assert error_of(lambda: ask(api))[0] == "RESOURCE_EXHAUSTED"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """An authority, and a key and certificate of a server and of a client that it signed, as PEM texts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates, and there is none")
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", "-days", "2")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            f"{name}.pem",
            "-days",
            "2",
            "-extfile",
            "names",
        )
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_tls_proves_the_server_to_its_clients(serve_grpc: Any, certificates: dict[str, bytes]) -> None:
    ssl = SSLConfig(certificates["server.key"].decode(), certificates["server.pem"].decode())
    trusting = grpc.ssl_channel_credentials(certificates["ca.pem"])
    api = serve_grpc(credentials=trusting, ssl=ssl)
    assert ask(api) == [2.5]
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    plain = grpc.insecure_channel(f"localhost:{api.server.port}")
    api.prediction = prediction_service_pb2_grpc.PredictionServiceStub(plain)
    assert error_of(lambda: ask(api, timeout=5))[0] == "UNAVAILABLE"


def test_clients_must_show_a_certificate_where_they_are_verified(
    serve_grpc: Any, certificates: dict[str, bytes]
) -> None:
    ssl = SSLConfig(
        certificates["server.key"].decode(), certificates["server.pem"].decode(), certificates["ca.pem"].decode(), True
    )
    known = grpc.ssl_channel_credentials(certificates["ca.pem"], certificates["client.key"], certificates["client.pem"])
    assert ask(serve_grpc(credentials=known, ssl=ssl)) == [2.5]
    unknown = serve_grpc(credentials=grpc.ssl_channel_credentials(certificates["ca.pem"]), ssl=ssl)
    assert error_of(lambda: ask(unknown, timeout=5))[0] == "UNAVAILABLE"


@pytest.mark.parametrize("change", [{"server_key": "no key"}, {"server_cert": "no certificate"}])
def test_a_key_that_cannot_be_used_is_told(
    serve_grpc: Any, certificates: dict[str, bytes], change: dict[str, str]
) -> None:
    good = SSLConfig(certificates["server.key"].decode(), certificates["server.pem"].decode())
    with pytest.raises(UserError, match="PEM"):
        serve_grpc(
            ssl=replace(
                good,
                server_key=change.get("server_key", good.server_key),
                server_cert=change.get("server_cert", good.server_cert),
            )
        )


def test_clients_cannot_be_verified_without_an_authority(serve_grpc: Any, certificates: dict[str, bytes]) -> None:
    ssl = SSLConfig(certificates["server.key"].decode(), certificates["server.pem"].decode(), client_verify=True)
    with pytest.raises(UserError, match="custom_ca"):
        serve_grpc(ssl=ssl)
