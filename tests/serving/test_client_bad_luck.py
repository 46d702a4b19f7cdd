"""What the client says when the picture or the address is wrong."""

from __future__ import annotations

from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest

from pipeline.errors import UserError
from serving.client import Client, GrpcClient, Retries, ServerError, connect, prepare
from serving.client.not_found import explaining_not_found
from serving.launch import Server
from serving.model_config import FOLDER, register_model

STABLE = 'version_labels { key: "stable" value: 123 } } }'


def test_a_text_file_for_a_picture_is_told_in_words_and_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UserError) as refused:
        prepare(tmp_path / "notes.txt")
    assert "corrupt_file" not in refused.value.what
    assert refused.value.fix


@pytest.mark.parametrize("url", ["nonsense", "127.0.0.1:8501", "ftp://127.0.0.1:8501"])
def test_an_address_without_http_is_told_how_addresses_look(url: str) -> None:
    for make in (Client, connect):
        with pytest.raises(UserError, match=f"`{url}` is no") as refused:
            make(url)
        assert "http://127.0.0.1:8501" in refused.value.fix and refused.value.where


def test_a_rest_client_at_a_grpc_port_is_told_so() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with (
            Client(f"http://127.0.0.1:{port}") as client,
            pytest.raises(ServerError, match="port of a gRPC API") as refused,
        ):
            client.status("rose")
    finally:
        server.stop(None)
    assert "REST" in refused.value.fix and "x00" not in str(refused.value)


def test_a_grpc_client_at_a_rest_port_is_told_so(server: Server) -> None:
    with (
        GrpcClient(server.url.replace("http", "grpc"), retries=Retries(1, 0.01)) as client,
        pytest.raises(ServerError, match="port of a REST API") as refused,
    ):
        client.status("half_plus_two")
    assert "gRPC" in refused.value.fix


@pytest.mark.parametrize("scheme", ["http", "grpc"])
@pytest.mark.parametrize(
    ("name", "asked", "what", "fix"),
    [
        ("half_plus_too", {}, "The server has no model `half_plus_too`", "Did you mean `half_plus_two`?"),
        ("half_plus_two", {"version": 4}, "no version 4 of `half_plus_two`", "There are: 123."),
        ("half_plus_two", {"label": "stabel"}, "no label `stabel`", "Did you mean `stable`?"),
    ],
)
def test_what_the_server_does_not_have_is_told_with_what_there_is(
    server: Server, tmp_path: Path, scheme: str, name: str, asked: dict[str, Any], what: str, fix: str
) -> None:
    file = register_model(tmp_path / FOLDER, "half_plus_two")
    file.write_text(file.read_text().rstrip().removesuffix("}").rstrip().removesuffix("}") + STABLE)
    url = server.url if scheme == "http" else f"grpc://{server.grpc_address}"
    with (
        connect(url) as client,
        pytest.raises(ServerError, match=what) as refused,
        explaining_not_found(client, tmp_path, name, **asked),
    ):
        client.metadata(name, **asked)
    assert fix in refused.value.fix and refused.value.where
