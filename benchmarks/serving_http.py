"""Prints the processor time of a request that is answered at once: the server's own HTTP connections against uvicorn's.

    python benchmarks/serving_http.py [--rounds 3] [--seconds 3] [--folder /tmp/labline-peers]

No bar: it says why the REST API does not stand on an ASGI server. Both run on uvloop and httptools, read a body of 380
bytes and answer with 200; uvicorn is installed from PyPI into an environment of its own under `--folder`. The load
comes from 32 clients.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from served import ROOT
from serving_peers import install

from serving.launch import free_port
from serving.load_generator import run_load

PACKAGES = ["uvicorn==0.54.0", "uvloop", "httptools"]
OWN = """
import socket, sys, threading
sys.path.insert(0, sys.argv[2])
import uvloop
from serving.server.rest.protocol import Connection
from serving.server.rest.limits import ConnectionLimits
from serving.server.rest.server_state import ServerState

def handle(request):
    request.body()
    loop.call_soon(request.respond, 200, b"x" * 200)

loop = uvloop.new_event_loop()
fail = lambda request, status: request.respond(status, b"")
state = ServerState(handle, fail, lambda request: False, ConnectionLimits(), set())
loop.run_until_complete(loop.create_server(lambda: Connection(state), "127.0.0.1", int(sys.argv[1])))
loop.run_forever()
"""
ASGI = """
import asyncio, sys
import uvicorn

async def answer(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, b"x" * 200)
    content = await future
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})

quiet = {"log_level": "error", "access_log": False, "lifespan": "off"}
uvicorn.run(answer, port=int(sys.argv[1]), loop="uvloop", http="httptools", **quiet)
"""


def main() -> None:
    """Let both take turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "labline-peers"))
    arguments = parser.parse_args()
    install(arguments.folder / "uvicorn", PACKAGES, tensorflow=False)
    with server(sys.executable, OWN) as own, server(str(arguments.folder / "uvicorn" / "bin" / "python"), ASGI) as asgi:
        times: dict[str, list[float]] = {"own": [], "uvicorn": []}
        for _ in range(arguments.rounds):
            times["own"].append(cost(*own, arguments.seconds))
            times["uvicorn"].append(cost(*asgi, arguments.seconds))
    ratio = statistics.median(b / a for a, b in zip(times["own"], times["uvicorn"], strict=True))
    print(
        f"own {statistics.median(times['own']):.1f} microseconds a request, "
        f"uvicorn {statistics.median(times['uvicorn']):.1f}: "
        f"{ratio:.1f} times as much"
    )


@contextmanager
def server(python: str, program: str) -> Iterator[tuple[str, int]]:
    """Run a program that listens on a free port; give its URL and process."""
    port = free_port("127.0.0.1")
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen([python, "-c", program, str(port), str(ROOT)], env=settings)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("A server did not start.") from None
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def cost(url: str, pid: int, seconds: float) -> float:
    """Return the microseconds of processor time that a request takes of a process."""
    requests = [("/v1/models/m:predict", b"x" * 380)]
    run_load(url, requests, clients=32, seconds=0.5)
    before = processor_time(pid)
    result = run_load(url, requests, clients=32, seconds=seconds)
    if result.failures:
        raise SystemExit(f"{result.failures} requests failed: {result.statuses} {result.errors}")
    return (processor_time(pid) - before) / result.answers * 1e6


def processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
