"""The client gives typed answers, and passes on what the server says is wrong."""

from __future__ import annotations

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from serving.client import Client, ServerError, batches, prepare
from serving.launch import Server


def test_rows_and_columns(server: Server) -> None:
    with Client(server.url) as client:
        assert client.predict("half_plus_two", instances=np.array([1.0, 2.0])) == [2.5, 3.0]
        assert client.predict("sum", inputs={"a": np.float32(1), "b": [2]}) == {"sum": [3.0], "product": [2.0]}
        assert client.predict("text", instances=[b"\0\xff"], signature="serving_default")[0]["length"] == 2
        assert client.predict("half_plus_two", instances=[1], version=123) == client.predict(
            "half_plus_two", instances=[1], label="stable"
        )


def test_status_and_metadata(server: Server) -> None:
    with Client(server.url) as client:
        [status] = client.status("half_plus_two")
        assert (status.version, status.state, status.error_code) == (123, "AVAILABLE", "OK")
        assert client.wait_until_available("half_plus_two", timeout=1) == status
        assert client.metadata("half_plus_two")["serving_default"]["inputs"]["x"]["dtype"] == "DT_FLOAT"


def test_the_servers_message_reaches_the_user(server: Server) -> None:
    with Client(server.url) as client:
        with pytest.raises(ServerError, match="Servable not found for request: Latest\\(rose/s\\)") as caught:
            client.predict("rose/s", instances=[1])
        assert caught.value.status == 404
        with pytest.raises(ServerError, match="is not of expected type: float"):
            client.predict("half_plus_two", instances=["x"])
        with pytest.raises(ServerError, match="no image classifier"):
            client.predict_images("text", [image("PNG")])


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with Client("http://127.0.0.1:9") as client:
        with pytest.raises(ServerError, match="connection refused") as caught:
            client.status("m")
        assert "labline serve" in caught.value.fix
        with pytest.raises(ServerError, match="was not available after"):
            client.wait_until_available("m", timeout=0.3)


def test_an_overloaded_server_is_asked_again_and_a_silent_one_is_given_up() -> None:
    asked, given_up = [], threading.Event()

    class Overloaded(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if "silent" in self.path:
                given_up.wait()
                return
            body = b'{"model_version_status": []}' if len(asked) > 2 else b'{"error": "queue is full"}'
            self.send_response(200 if len(asked) > 2 else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Overloaded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert Client(url).status("m") == []
        assert len(asked) == 3
        with pytest.raises(ServerError, match="queue is full") as caught:
            asked.clear()
            Client(url, retries=0).status("m")
        assert caught.value.status == 503
        with pytest.raises(ServerError, match="no answer within"):
            Client(url, timeout=0.2).status("silent")
        given_up.set()
        server.shutdown()


def image(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (8, 4), "red" if mode != "L" else 90).save(stream, kind, **options)
    return stream.getvalue()


def test_pictures_are_sent_as_ingest_would_store_them(tmp_path: Path) -> None:
    plain = image("JPEG")
    assert prepare(plain) is plain
    (tmp_path / "a.webp").write_bytes(image("WEBP"))
    assert prepare(tmp_path / "a.webp")[:4] == b"\x89PNG"
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    turned = Image.open(io.BytesIO(prepare(image("JPEG", exif=exif))))
    assert turned.size == (4, 8)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0cut"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match="not a readable picture") as caught:
        prepare(tmp_path / "a.jpg")
    assert caught.value.where == str(tmp_path / "a.jpg")


@pytest.mark.parametrize(("name", "told"), [("missing.jpg", "working directory"), ("", "/\\*.jpg")])
def test_a_picture_that_is_not_there_is_told_with_what_to_do(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        prepare(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)


def test_many_pictures_go_in_several_requests() -> None:
    assert [len(batch) for batch in batches([b"x"] * 70)] == [32, 32, 6]
    assert [len(batch) for batch in batches([b"x" * 2**24] * 3)] == [2, 1]
    assert batches([]) == []
