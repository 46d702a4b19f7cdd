"""Downloads survive interruptions, servers that cannot resume and files that change.

Nothing unverified is ever used.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.download import download, part_of
from pipeline.errors import UserError
from pipeline.progress import Progress

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
QUIET = Progress(quiet=True)


class Server(http.server.ThreadingHTTPServer):
    """Serves one file as badly as told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.etag = CONTENT, '"one"'
        self.ranges = True  # whether it honours Range
        self.cut_after: list[int] = []  # bytes after which the next answers break off
        self.statuses: list[int] = []  # answers before it behaves
        self.delay = 0.0  # seconds between two blocks
        self.requests: list[str | None] = []  # the Range of each request

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append(wanted)
        if self.server.statuses:
            return self.send_error(self.server.statuses.pop(0))
        if self.path != "/file.bin":
            return self.send_error(404)
        start, content = 0, self.server.content
        if wanted and self.server.ranges and self.headers.get("If-Range") in (None, self.server.etag):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = start + self.server.cut_after.pop(0) if self.server.cut_after else len(content)
        for position in range(start, stop, 65536):
            self.wfile.write(content[position : min(position + 65536, stop)])
            time.sleep(self.server.delay)
        if stop < len(content):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def test_a_file_is_downloaded_and_verified(server: Server, tmp_path: Path) -> None:
    assert download((server.url,), tmp_path / "file.bin", SHA256, QUIET) == SHA256
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


def test_broken_connections_are_resumed_where_they_broke(server: Server, tmp_path: Path) -> None:
    server.cut_after = [300_000, 300_000]
    download((server.url,), tmp_path / "file.bin", SHA256, QUIET)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.requests) == 3
    assert all(wanted and int(wanted[6:-1]) > 0 for wanted in server.requests[1:])


def test_a_killed_download_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.delay = 0.05
    code = (
        "from data.download import download; from pipeline.progress import Progress; from pathlib import Path;"
        f"download(({server.url!r},), Path({str(tmp_path / 'file.bin')!r}), {SHA256!r}, Progress(quiet=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    )
    part = part_of(tmp_path / "file.bin")
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > 200_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.delay = 0
    assert not (tmp_path / "file.bin").exists()
    download((server.url,), tmp_path / "file.bin", SHA256, QUIET)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    asked = server.requests[-1]
    assert asked is not None
    assert int(asked[6:-1]) >= 200_000


def test_a_server_without_ranges_is_asked_from_the_start(server: Server, tmp_path: Path) -> None:
    server.ranges, server.cut_after = False, [300_000]
    download((server.url,), tmp_path / "file.bin", SHA256, QUIET)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_taken_from_the_start(server: Server, tmp_path: Path) -> None:
    part_of(tmp_path / "file.bin").write_bytes(b"old" * 1000)
    (tmp_path / "file.bin.part.json").write_text(json.dumps({"url": server.url, "version": '"old"'}))
    download((server.url,), tmp_path / "file.bin", SHA256, QUIET)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_complete_part_is_recognised(server: Server, tmp_path: Path) -> None:
    part_of(tmp_path / "file.bin").write_bytes(CONTENT)
    (tmp_path / "file.bin.part.json").write_text(json.dumps({"url": server.url, "version": server.etag}))
    download((server.url,), tmp_path / "file.bin", SHA256, QUIET)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_spoilt_part_with_the_right_version_is_found_out_and_replaced(server: Server, tmp_path: Path) -> None:
    part_of(tmp_path / "file.bin").write_bytes(b"?" * 1000)
    (tmp_path / "file.bin.part.json").write_text(json.dumps({"url": server.url, "version": server.etag}))
    download((server.url,), tmp_path / "file.bin", SHA256, QUIET)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing_behind(server: Server, tmp_path: Path) -> None:
    server.content = b"something else"
    with pytest.raises(UserError, match="checksum"):
        download((server.url,), tmp_path / "file.bin", SHA256, QUIET)
    assert list(tmp_path.iterdir()) == []


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 503]
    download((server.url,), tmp_path / "file.bin", SHA256, QUIET)
    assert (tmp_path / "file.bin").exists()


def test_the_next_address_is_tried(server: Server, tmp_path: Path) -> None:
    download((server.url + ".gone", server.url), tmp_path / "file.bin", SHA256, QUIET)
    assert (tmp_path / "file.bin").exists()


def test_a_missing_file_is_a_clear_error(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        download((server.url + ".gone",), tmp_path / "file.bin", SHA256, QUIET)
    assert "404" in caught.value.what
    assert caught.value.where == server.url + ".gone"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> str:
    """A port that nobody listens at, and no pauses between the attempts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr("data.download.time.sleep", lambda seconds: None)
    return f"http://127.0.0.1:{port}/file.bin"


def test_without_a_network_one_plain_sentence_says_so(no_network: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        download((no_network,), tmp_path / "file.bin", SHA256, QUIET)
    assert str(caught.value).splitlines() == [
        "file.bin could not be downloaded: 127.0.0.1 cannot be reached.",
        f"  where: {no_network}",
        "  fix:   Check the network, or download the file elsewhere and set `data.path` to it.",
    ]


def test_weights_that_cannot_be_downloaded_are_not_to_be_put_in_the_place_of_the_photos(
    no_network: str, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from object_detection import zoo

    file = zoo.find("ssd_mobilenet_v1_coco").files[0].model_copy(update={"urls": (no_network,)})
    entry = zoo.find("ssd_mobilenet_v1_coco").model_copy(update={"files": (file,)})
    monkeypatch.setattr(zoo, "find", lambda name: entry)
    with pytest.raises(UserError, match="cannot be reached") as caught:
        zoo.locate("ssd_mobilenet_v1_coco", QUIET, "name it: `--model FILE`")
    assert caught.value.fix.endswith("download the file elsewhere and name it: `--model FILE`.")


# the catalogue


def add_entry(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    from data import catalog

    folder.mkdir()
    (folder / "toys.yaml").write_text(text)
    monkeypatch.setattr(catalog, "FOLDER", folder)


ENTRY = (
    "title: Toys\nclasses: 2\nsplits: {{all: 2}}\nlicence: none\nhomepage: http://localhost\nfiles:\n  - {{name: "
    "file.bin, urls: ['{url}'], sha256: {sha256}}}\n"
)


def test_a_data_set_is_fetched_once(
    server: Server, tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from data import catalog

    add_entry(tmp_path / "catalog", monkeypatch, ENTRY.format(url=server.url, sha256=SHA256))
    assert catalog.get("toys", QUIET) == data_folder / "toys"
    assert (catalog.get("toys", QUIET) / "file.bin").read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_two_processes_fetch_a_data_set_once(
    server: Server, tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from data import catalog

    server.delay = 0.02
    add_entry(tmp_path / "catalog", monkeypatch, ENTRY.format(url=server.url, sha256=SHA256))
    code = (
        "from data import catalog; from pipeline.progress import Progress; from pathlib import Path;"
        f"catalog.FOLDER = Path({str(tmp_path / 'catalog')!r}); print(catalog.get('toys', Progress(quiet=True)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate()[0].decode().strip() for process in both] == [str(data_folder / "toys")] * 2
    assert len(server.requests) == 1
    assert (catalog.get("toys", QUIET) / "file.bin").read_bytes() == CONTENT


def test_the_first_download_pins_a_checksum_that_nobody_published(
    server: Server, tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from data import catalog

    add_entry(tmp_path / "catalog", monkeypatch, ENTRY.format(url=server.url, sha256="null"))
    catalog.get("toys", QUIET)
    assert json.loads((data_folder / "checksums.json").read_text()) == {server.url: SHA256}
    shutil.rmtree(data_folder / "toys")
    server.content = b"something else"
    with pytest.raises(UserError, match="checksum"):
        catalog.get("toys", QUIET)
