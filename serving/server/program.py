"""`labline-model-server`: the embedded server with TensorFlow Serving's own flags, until a signal ends it.

It prints one line on standard output when it is ready, with the APIs that it has:
`labline server ready: http://127.0.0.1:8501 grpc 127.0.0.1:8500`.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from importlib import metadata

from pipeline.errors import EXIT_INPUT, EXIT_INTERRUPTED, UserError
from serving.server.batching import BatchedExecution
from serving.server.core import Core
from serving.server.endpoints import open_endpoints
from serving.server.errors import RequestError
from serving.server.execution import DirectExecution, Execution
from serving.server.flags import PROGRAM, CommandLine, check_together, describe_unknown, read_flags, usage
from serving.server.metrics import Metrics
from serving.server.models.manager import Manager
from serving.server.models.polling import poll_forever
from serving.server.models.saved_model import import_tensorflow
from serving.server.per_model_execution import PerModelExecution
from serving.server.request_log import LogLimits, RequestLog
from serving.server.server_config import ServerConfig, make_config

log = logging.getLogger("serving")
WAITING_SECONDS = 5.0  # after which it is said again what the start waits for
LABELS_FIX = (
    "Add --allow_version_labels_for_unavailable_models=true: when a server starts, no version is available yet."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    keep_quiet()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if {"--help", "-h"} & set(given):
            print(usage())
            return 0
        line = read_flags(given)
        if line.flags.version:
            print(versions())
            return 0
        tell(line)
        check_together(line.flags)
        config = make_config(line.flags)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return serve(config)


def keep_quiet() -> None:
    """Silence what others print at every start and nobody can mend; must come before they are imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's faults come as exceptions, which are logged
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core")


def versions() -> str:
    return f"labline model server: {metadata.version('labline')}\nTensorFlow Library: {metadata.version('tensorflow')}"


def tell(line: CommandLine) -> None:
    """Name what was asked for and will not happen; the server goes on, as TensorFlow Serving does."""
    for sentence in line.unsupported:
        log.warning(sentence)
    for sentence in describe_unknown(line.unknown).splitlines():
        log.warning("%s   (%s --help lists the flags)", sentence, PROGRAM)
    if line.flags.rest_api_port > 0 and line.flags.rest_api_port == line.flags.port:
        log.error("--rest_api_port cannot be the same as --port: there will be no REST API")


def serve(config: ServerConfig) -> int:
    """Load the models, answer requests, and end in order."""
    stopping = threading.Event()
    watch_signals(stopping)
    if config.flags.exit_with_parent:
        threading.Thread(target=exit_with_parent, args=(config.flags.exit_with_parent,), daemon=True).start()
    try:
        status = answer(config, stopping)
    except UserError as error:
        print(error, file=sys.stderr)
        status = error.exit_status
    except RequestError as error:
        fix = f"\n  fix:   {LABELS_FIX}" if error.code == "FAILED_PRECONDITION" else ""
        print(f"{error.code}: {error.message}{fix}", file=sys.stderr)
        status = EXIT_INPUT
    log.info("stopped")
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(status)  # TensorFlow's own threads must not hold up the end


def watch_signals(stopping: threading.Event) -> None:
    """Stop in order on a signal, and at once if Ctrl-C is pressed again; a second SIGTERM is often not meant so."""

    def stop(number: int, _: object) -> None:
        if stopping.is_set() and number == signal.SIGINT:
            os._exit(EXIT_INTERRUPTED)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def exit_with_parent(parent: int) -> None:
    """Stop the server when its parent is gone, so that a killed run leaves no server behind."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def answer(config: ServerConfig, stopping: threading.Event) -> int:
    """Answer requests from the moment when every model serves until the server is told to stop.

    Raises:
        UserError, RequestError: it cannot start.
    """
    import_tensorflow()
    gc.collect()
    gc.freeze()  # what was imported stays: looking through it again and again would hold up requests
    core = make_core(config)
    if config.flags.file_system_poll_wait_seconds >= 0:
        core.manager.poll()
    threading.Thread(target=poll_forever, args=(config.flags, core.manager, stopping), name="poll", daemon=True).start()
    if not wait_for_models(core.manager, stopping):
        return EXIT_INPUT
    if not stopping.is_set():
        core.manager.started()
        endpoints = open_endpoints(core, config)
        print(endpoints.ready_line, flush=True)
        stopping.wait()
        core.manager.stopping.set()
        endpoints.close()
    core.execution.close()
    core.request_log.close()
    return 0


def make_core(config: ServerConfig) -> Core:
    """Make what both APIs stand on; TensorFlow must have been imported.

    Raises:
        UserError: the session's settings cannot be read.
        RequestError: a label points to a version that is not available, as none is yet.
    """
    flags, metrics = config.flags, Metrics()
    manager = Manager(config.models, config.load_options(), metrics)
    return Core(
        manager,
        make_execution(config, metrics),
        metrics,
        RequestLog(
            lambda name: model.config if (model := manager.models.get(name)) else None,
            metrics,
            LogLimits(kept_bytes=flags.request_log_max_mb << 20),
        ),
        flags.rest_api_timeout_in_ms,
        flags.enable_signature_method_name_check,
    )


def make_execution(config: ServerConfig, metrics: Metrics) -> Execution:
    """Make what computes: each request alone, all in batches, or each model as it says."""
    threads = config.flags.rest_api_num_threads
    if config.batching is None:
        return DirectExecution(threads)
    batched = BatchedExecution(config.batching, metrics)
    if config.flags.enable_per_model_batching_parameters:
        return PerModelExecution(batched, DirectExecution(threads))
    return batched


def wait_for_models(manager: Manager, stopping: threading.Event) -> bool:
    """Wait until every model serves, and say now and then for which; say which cannot, and return False."""
    told = time.monotonic()
    while not manager.ready() and not stopping.wait(0.02):
        if time.monotonic() - told >= WAITING_SECONDS:
            told = time.monotonic()
            log.info("not ready: waiting for %s; no port is open yet", ", ".join(manager.awaited()))
        if broken := manager.broken():
            print(
                f"{len(broken)} servable(s) did not become available: {{{', '.join(broken)}}}\n"
                "  fix:   Put the versions right, or take their models out of the configuration.",
                file=sys.stderr,
            )
            return False
    return True
