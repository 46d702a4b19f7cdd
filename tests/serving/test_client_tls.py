"""A server with TLS and a bearer token is asked, and loaded, by those who have its certificate and the token only."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.client import ServerError, connect
from serving.launch import start_server
from serving.load_generator import run_load
from serving.server_config_files import SSLConfig, write_ssl
from serving.tensorflow_serving import Models

TOKEN = "opensesame"
PATH, BODY = "/v1/models/m:predict", b'{"instances":[1.0]}'

pytestmark = pytest.mark.slow  # starts a server of its own; the server's side of TLS is tested with it


@dataclass(frozen=True)
class Secured:
    """A server of x / 2 + 2 as model `m`, and the certificate by which it is known."""

    urls: tuple[str, str]
    certificate: Path


@pytest.fixture(scope="module")
def secured(half_plus_two: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate, and there is none")
    folder = tmp_path_factory.mktemp("tls")
    shutil.copytree(half_plus_two, folder / "m" / "1")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    write_ssl(folder / "ssl", SSLConfig((folder / "key.pem").read_text(), (folder / "certificate.pem").read_text()))
    (folder / "token").write_text(TOKEN)
    flags = [f"--ssl_config_file={folder / 'ssl'}", "--rest_api_enable_tls", f"--bearer_token_file={folder / 'token'}"]
    server = start_server(
        Models(folder, name="m", base_path=folder / "m"), folder / "log", "embedded", extra_flags=flags
    )
    try:
        rest = server.wait_until_ready().replace("http://", "https://")
        yield Secured((rest, f"grpcs://{server.grpc_address}"), folder / "certificate.pem")
    finally:
        server.stop()


@pytest.mark.parametrize("protocol", [0, 1])
def test_certificate_and_token_open_the_door(secured: Secured, protocol: int) -> None:
    url = secured.urls[protocol]
    with connect(url, token=TOKEN, ca_file=secured.certificate) as client:
        assert client.predict("m", instances=[1.0]) == [2.5]
    with (
        connect(url, ca_file=secured.certificate, token="wrong") as client,
        pytest.raises(ServerError) as refused,
    ):
        client.predict("m", instances=[1.0])
    assert refused.value.status == 401
    with connect(url, retries=0, timeout=5, token=TOKEN) as client, pytest.raises(ServerError) as refused:
        client.predict("m", instances=[1.0])
    assert refused.value.status == 0, "the system does not know the certificate"


def test_a_load_goes_over_tls(secured: Secured) -> None:
    trust = ssl.create_default_context(cafile=str(secured.certificate))
    bodies: list[bytes] = []
    result = run_load(
        secured.urls[0],
        [(PATH, BODY)],
        clients=3,
        count=30,
        headers={"Authorization": f"Bearer {TOKEN}"},
        tls=trust,
        on_answer=lambda *given: bodies.append(given[2]),
    )
    assert result.statuses == {200: 30} and b"2.5" in bodies[0] and len(set(bodies)) == 1
    assert "certificate verify failed" in str(run_load(secured.urls[0], [(PATH, BODY)], 1, count=1).errors)
