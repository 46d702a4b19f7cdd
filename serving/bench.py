"""`labline bench-serve`: how many requests a second a server answers, and how long each takes, with real examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.tfrecord import read_records
from pipeline.errors import UserError
from serving.client import Client, GrpcClient, ModelClient, connect, prepare
from serving.client.grpc_client import PREDICTION
from serving.client.grpc_messages import encode_request as encode_message
from serving.client.not_found import explaining_not_found
from serving.client.request import Request, ServedModel
from serving.client.rest_json import encode, encode_request
from serving.client.tensors import from_message
from serving.grpc_load import run_grpc_load
from serving.load_generator import LoadResult, run_load
from serving.model_config import FOLDER, version_folder
from serving.protos import read
from serving.signatures import DEFAULT_SIGNATURE, WARMUP_FILE

MAX_REQUESTS = 512  # different requests that are sent, over and over
WARMUP_SECONDS = 2.0
PERCENTILES = (50, 95, 99)
UNLOGGED = {"X-Labline-Unlogged": "1"}  # load is not what people send: `labline monitor` must not see it


@dataclass(frozen=True)
class BenchOptions:
    """What to send.

    Attributes:
        name, version, signature: what is asked; the newest version and the default signature if none is named.
        clients: connections, each with one request under way.
        seconds: how long.
        rows: examples in one request.
        rate: requests a second of all clients; as fast as they are answered if none is given.
        files: images; those of the version's own warm-up file if there are none.
    """

    name: str
    clients: int = 16
    seconds: float = 20.0
    rows: int = 1
    rate: float | None = None
    version: int | None = None
    signature: str = ""
    files: tuple[Path, ...] = ()
    token: str = ""


def bench(options: BenchOptions, url: str, workspace: Path | None, as_json: bool) -> int:
    """Load a server, print what it did, and return the exit status: 1 if a request failed.

    Args:
        workspace: of the server, for the examples.

    Raises:
        UserError: there are no examples, or the server refuses them.
    """
    with (
        connect(url, token=options.token) as client,
        explaining_not_found(client, workspace, options.name, options.version),
    ):
        client.metadata(options.name, options.version)  # what is not there is told before examples of it are looked for
        version = client.version_of(options.name) if options.version is None else options.version
        signature, rows, source = find_rows(options, client, version, workspace)
        starts = range(0, max(len(rows), 1), options.rows)[:MAX_REQUESTS]
        model = ServedModel(options.name, options.version)
        requests = [Request(model, "predict", signature, instances=take(rows, start, options.rows)) for start in starts]
        if isinstance(client, GrpcClient):
            send = over_grpc(client, options, requests)
        else:
            assert isinstance(client, Client)
            send = over_rest(client, options, requests)
        if not as_json:
            print(
                f"{options.name} version {version} at {url}: {options.clients} clients for {options.seconds:g} s, "
                f"{options.rows} example{'s' if options.rows > 1 else ''} a request, "
                f"{len(requests)} different requests of {source}",
                flush=True,
            )
        result = send(min(WARMUP_SECONDS, options.seconds))
    facts = summarize(result, options, version, url)
    print(json.dumps(facts) if as_json else as_text(facts))
    return 1 if result.failures or not result.answers else 0


def over_rest(client: Client, options: BenchOptions, requests: list[Request]) -> Callable[[float], LoadResult]:
    """Try the first request, so that what is wrong with it is told once and in words; return what sends them all."""
    encoded = [encode_request(request) for request in requests]
    client.session.headers.update(UNLOGGED)
    client.request("POST", *encoded[0])
    headers = UNLOGGED | ({"Authorization": f"Bearer {options.token}"} if options.token else {})
    return lambda warmup: run_load(
        client.url, encoded, options.clients, options.seconds, warmup=warmup, rate=options.rate, headers=headers
    )


def over_grpc(client: GrpcClient, options: BenchOptions, requests: list[Request]) -> Callable[[float], LoadResult]:
    """Do the same over gRPC."""
    types = client.inputs_of(requests[0])
    messages = [encode_message(request, types) for request in requests]
    client.token += tuple((name.lower(), value) for name, value in UNLOGGED.items())
    client.call(PREDICTION, "Predict", messages[0])
    encoded = [message.SerializeToString() for message in messages]
    return lambda warmup: run_grpc_load(
        client.channel, encoded, options.clients, options.seconds, warmup, rate=options.rate, metadata=client.token
    )


def find_rows(
    options: BenchOptions, client: ModelClient, version: int, workspace: Path | None
) -> tuple[str, list[Any], str]:
    """Return the signature to ask, the examples to send, and where they come from."""
    if options.files:
        signature = options.signature or client.signature_of_bytes(options.name, options.version)
        rows: list[Any] = [prepare(file) for file in options.files]
        return signature, rows, f"{len(rows)} pictures" if len(rows) > 1 else str(options.files[0])
    return options.signature, warmup_rows(options, client, version, workspace), "the version's warm-up file"


def take(rows: Sequence[Any], start: int, count: int) -> list[Any]:
    """Return rows from one place on, beginning again after the last."""
    return [rows[(start + number) % len(rows)] for number in range(count)]


def warmup_rows(options: BenchOptions, client: ModelClient, version: int, workspace: Path | None) -> list[Any]:
    """Return the rows of a version's warm-up requests for the signature, as instances.

    Raises:
        UserError: there are none.
    """
    file = find_warmup_file(workspace, options.name, version)
    if file is None:
        raise UserError(
            f"This workspace has no warm-up file of `{options.name}` version {version}, so there is nothing to send.",
            str(workspace) if workspace else client.url,
            "Name the workspace that pushed it with --workspace, or pictures to send with --file.",
        )
    rows: list[Any] = []
    found: set[str] = set()
    for record in read_records(file):
        request = read("PredictionLog", record).predict_log.request
        signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
        found.add(signature)
        if signature != (options.signature or DEFAULT_SIGNATURE):
            continue
        columns = {name: from_message(tensor) for name, tensor in sorted(request.inputs.items())}
        rows += rows_of_columns(columns)
    if not rows:
        raise UserError(
            f"No warm-up request asks signature `{options.signature or DEFAULT_SIGNATURE}`.",
            str(file),
            f"There are requests for: {', '.join(f'`{name}`' for name in sorted(found)) or 'none'}; "
            "choose with --signature.",
        )
    return distinct(rows)


def find_warmup_file(workspace: Path | None, name: str, version: int) -> Path | None:
    """Return a pushed version's warm-up file, if it is there."""
    folder = version_folder(workspace / FOLDER / name, version) if workspace else None
    return folder / WARMUP_FILE if folder and (folder / WARMUP_FILE).is_file() else None


def rows_of_columns(columns: dict[str, Any]) -> list[Any]:
    """Return whole arrays as instances: bare values of a single input, else an object each."""
    if len(columns) == 1:
        return list(next(iter(columns.values())))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def distinct(rows: list[Any]) -> list[Any]:
    """Leave out rows that stand there twice: warm-up files repeat a few in batches of several sizes."""
    return list({encode({"row": row}): row for row in rows}.values())


def summarize(result: LoadResult, options: BenchOptions, version: int, url: str) -> dict[str, Any]:
    """Return what was found as JSON values; times in milliseconds."""
    any_answer = len(result.latencies) > 0
    times = {
        f"p{percent}_ms": round(1000 * result.percentile(percent), 3) if any_answer else None for percent in PERCENTILES
    }
    return {
        "name": options.name,
        "version": version,
        "url": url,
        "clients": options.clients,
        "seconds": round(result.seconds, 3),
        "rows": options.rows,
        "requests_per_second": round(result.throughput, 1),
        "examples_per_second": round(result.throughput * options.rows, 1),
        **times,
        "max_ms": round(1000 * float(result.latencies.max()), 3) if any_answer else None,
        "statuses": {str(status): count for status, count in sorted(result.statuses.items())},
        "errors": dict(result.errors),
    }


def as_text(facts: dict[str, Any]) -> str:
    """Return what was found as lines for a person."""
    names = [*(f"p{percent}" for percent in PERCENTILES), "max"]
    times = "   ".join(f"{name} {facts[f'{name}_ms'] or float('nan'):.2f} ms" for name in names)
    failed = {f"status {status}": count for status, count in facts["statuses"].items() if not status.startswith("2")}
    failed |= facts["errors"]
    each = "" if facts["rows"] == 1 else f" ({facts['examples_per_second']:,.0f} examples/s)"
    return "\n".join(
        [
            f"throughput   {facts['requests_per_second']:,.0f} requests/s{each}",
            f"latency      {times}",
            f"failed       {', '.join(f'{count:,} x {reason}' for reason, count in failed.items()) or 'none'}",
        ]
    )
