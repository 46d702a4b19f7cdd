"""`python -m serving.server`: the embedded server with TensorFlow Serving's own flags, until a signal ends it.

It prints one line on standard output when it is ready: `labline server ready: http://127.0.0.1:8501`.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from pipeline.errors import UserError
from serving.model_config import ModelConfig, read_models
from serving.tensorflow_serving import READY

log = logging.getLogger("serving")


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    flags, unknown = make_parser().parse_known_args()
    if unknown:
        log.warning("unknown arguments, ignored: %s", " ".join(unknown))
    if flags.exit_with_parent:
        threading.Thread(target=exit_with_parent, args=(flags.exit_with_parent,), daemon=True).start()
    try:
        configs = read_configs(flags)
        listener = listen(flags.rest_api_host, flags.rest_api_port)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return serve(flags, configs, listener)


def make_parser() -> argparse.ArgumentParser:
    """Describe the flags; names and defaults are those of tensorflow_model_server where it has the flag."""
    parser = argparse.ArgumentParser("python -m serving.server", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--rest_api_host", default="127.0.0.1", help="address to listen on; this machine only by default")
    add(
        "--rest_api_port",
        type=int,
        default=8501,
        help="port of the REST API; -1 takes a free one and tells it in the ready line",
    )
    add("--rest_api_num_threads", type=int, default=4 * (os.cpu_count() or 1), help="requests answered at a time")
    add("--rest_api_timeout_in_ms", type=int, default=30_000, help="time for the model's computation")
    add("--rest_api_max_body_mb", type=int, default=256, help="largest request body; a larger one is answered with 413")
    add(
        "--rest_api_enable_cors_support",
        type=boolean,
        nargs="?",
        const=True,
        default=False,
        help="let other web pages' scripts ask",
    )
    add("--model_name", default="default", help="name of the single model")
    add("--model_base_path", default="", help="folder of the single model's version folders")
    add(
        "--model_config_file", default="", help="text-format ModelServerConfig; the two flags above are ignored with it"
    )
    add("--model_config_file_poll_wait_seconds", type=float, default=0, help="read the file again that often; 0: never")
    add(
        "--file_system_poll_wait_seconds",
        type=float,
        default=1,
        help="look for versions that often; 0: once, negative: never",
    )
    add("--max_num_load_retries", type=int, default=5, help="attempts after the first failed one")
    add("--load_retry_interval_micros", type=int, default=60_000_000, help="time between two attempts")
    add("--num_load_threads", type=int, default=0, help="accepted and ignored: every model has a loading thread")
    add("--port", type=int, default=0, help="accepted and ignored: there is no gRPC API yet")
    add(
        "--enable_model_warmup",
        type=boolean,
        nargs="?",
        const=True,
        default=True,
        help="replay assets.extra/tf_serving_warmup_requests",
    )
    add("--saved_model_tags", default="serve", help="tags of the graph to load, with commas")
    # its number is given, because it may be gone before this process can ask for it
    add("--exit_with_parent", type=int, default=0, help="process that started this one; stop when it is gone; 0: go on")
    return parser


def boolean(text: str) -> bool:
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"true or false, not {text}")


def exit_with_parent(parent: int) -> None:
    """Stop the server when its parent is gone, so that a killed run leaves no server behind."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def read_configs(flags: argparse.Namespace) -> list[ModelConfig]:
    """Return the models that the flags name."""
    if flags.model_config_file:
        return read_models(Path(flags.model_config_file))
    if not flags.model_base_path:
        raise UserError(
            "Neither --model_base_path nor --model_config_file is given.", "command line", "Give one of them."
        )
    return [ModelConfig(flags.model_name, str(Path(flags.model_base_path).absolute()))]


def listen(host: str, port: int) -> socket.socket:
    """Bind the port before the slow part, so that a port in use is told at once; clients wait until the models are there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, max(port, 0)))
    except OSError as error:
        raise UserError(
            f"Cannot listen: {error.strerror}.", f"{host}:{port}", "Choose another port, or stop what uses it."
        ) from None
    return listener


def serve(flags: argparse.Namespace, configs: list[ModelConfig], listener: socket.socket) -> int:
    """Load the models, answer requests, stop on a signal."""
    from serving.server.models.versions import LoadOptions, Manager

    tags = tuple(flags.saved_model_tags.split(","))
    retry_seconds = flags.load_retry_interval_micros / 1e6
    options = LoadOptions(
        tags, flags.enable_model_warmup, flags.max_num_load_retries, retry_seconds, flags.rest_api_timeout_in_ms
    )
    manager = Manager(configs, options)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    if flags.file_system_poll_wait_seconds >= 0:
        manager.poll()
    threading.Thread(target=poll, args=(flags, manager, stopping), name="poll", daemon=True).start()
    while not manager.ready() and not stopping.wait(0.02):
        if broken := manager.broken():
            print(f"{len(broken)} servable(s) did not become available: {', '.join(broken)}", file=sys.stderr)
            return 1
    if not stopping.is_set():
        asyncio.run(answer_requests(flags, manager, listener, stopping))
    log.info("stopped")
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(0)  # TensorFlow's own threads must not hold up the end


async def answer_requests(
    flags: argparse.Namespace, manager: object, listener: socket.socket, stopping: threading.Event
) -> None:
    """Run the web server; requests that are being answered when the signal comes are finished."""
    import uvicorn

    from serving.server.models.versions import Manager
    from serving.server.rest.app import Limits, make_app

    assert isinstance(manager, Manager)
    limits = Limits(flags.rest_api_num_threads, flags.rest_api_max_body_mb * 2**20, flags.rest_api_enable_cors_support)
    config = uvicorn.Config(
        make_app(manager, limits), lifespan="off", access_log=False, log_level="warning", timeout_graceful_shutdown=30,
        server_header=False, log_config=None,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():
        await asyncio.sleep(0.005)
    host, port = listener.getsockname()[:2]
    print(f"{READY}http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    while not stopping.is_set() and not task.done():
        await asyncio.sleep(0.05)
    server.should_exit = True
    await task


def poll(flags: argparse.Namespace, manager: object, stopping: threading.Event) -> None:
    """Look for new versions and for a changed models.config, each at its own interval."""
    from serving.server.models.versions import Manager

    assert isinstance(manager, Manager)
    versions_every, file_every = flags.file_system_poll_wait_seconds, flags.model_config_file_poll_wait_seconds
    next_versions = time.monotonic() + versions_every
    next_file = time.monotonic() + file_every
    while not stopping.wait(min(pause for pause in (versions_every, file_every, 1.0) if pause > 0)):
        if flags.model_config_file and file_every > 0 and time.monotonic() >= next_file:
            next_file = time.monotonic() + file_every
            try:
                manager.apply(read_models(Path(flags.model_config_file)))
            except UserError as error:
                log.error("the old models.config stays: %s", error)
            if versions_every <= 0:
                manager.poll()
        if versions_every > 0 and time.monotonic() >= next_versions:
            next_versions = time.monotonic() + versions_every
            manager.poll()


if __name__ == "__main__":
    sys.exit(main())
