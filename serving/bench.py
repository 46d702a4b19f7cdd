"""`labline bench-serve`: how many requests a second a server answers, and how long each takes, with real examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from serving.client import Client, GrpcClient, ModelClient, connect, model_path
from serving.client.grpc_client import PREDICTION, predict_request, rows_of, spec
from serving.client.not_found import naming_what_there_is
from serving.client.rest_client import encode
from serving.grpc_load import run_grpc_load
from serving.load_generator import LoadResult, Request, run_load
from serving.model_config import FOLDER, version_folder
from serving.signatures import DEFAULT_SIGNATURE
from serving.warmup import WARMUP_FILE

MOST_REQUESTS = 512  # different requests that are sent, over and over
WARMUP_SECONDS = 2.0
PERCENTILES = (50, 95, 99)
UNLOGGED = {"X-Labline-Unlogged": "1"}  # load is not what people send: `labline monitor` must not see it


@dataclass(frozen=True)
class Bench:
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


def bench(bench: Bench, url: str, workspace: Path | None, as_json: bool) -> int:
    """Load a server, print what it did, and return the exit status: 1 if a request failed.

    Args:
        workspace: of the server, for the examples.

    Raises:
        UserError: there are no examples, or the server refuses them.
    """
    with (
        connect(url, token=bench.token) as client,
        naming_what_there_is(client, workspace, bench.name, bench.version),
    ):
        client.metadata(bench.name, bench.version)  # what is not there is told before examples of it are looked for
        version = client.version_of(bench.name) if bench.version is None else bench.version
        signature, rows, source = find_rows(bench, client, version, workspace)
        starts = range(0, max(len(rows), 1), bench.rows)[:MOST_REQUESTS]
        batches = [take(rows, start, bench.rows) for start in starts]
        if isinstance(client, GrpcClient):
            send = over_grpc(client, bench, signature, batches)
        else:
            assert isinstance(client, Client)
            send = over_rest(client, bench, signature, batches)
        if not as_json:
            print(
                f"{bench.name} version {version} at {url}: {bench.clients} clients for {bench.seconds:g} s, {bench.rows} "
                f"example{'s' if bench.rows > 1 else ''} a request, {len(batches)} different requests of {source}",
                flush=True,
            )
        result = send(min(WARMUP_SECONDS, bench.seconds))
    facts = describe(result, bench, version, url)
    print(json.dumps(facts) if as_json else as_text(facts))
    return 1 if result.failures or not result.answers else 0


def over_rest(client: Client, bench: Bench, signature: str, batches: list[list[Any]]) -> Callable[[float], LoadResult]:
    """Try the first request, so that what is wrong with the examples is told once and in words; return what sends them all."""
    asked = {"signature_name": signature} if signature else {}
    path = model_path(bench.name, bench.version) + ":predict"
    requests: list[Request] = [(path, encode({**asked, "instances": rows})) for rows in batches]
    client.session.headers.update(UNLOGGED)
    client.request("POST", *requests[0])
    headers = UNLOGGED | ({"Authorization": f"Bearer {bench.token}"} if bench.token else {})
    return lambda warmup: run_load(
        client.url, requests, bench.clients, bench.seconds, warmup=warmup, rate=bench.rate, headers=headers
    )


def over_grpc(
    client: GrpcClient, bench: Bench, signature: str, batches: list[list[Any]]
) -> Callable[[float], LoadResult]:
    """Do the same over gRPC."""
    types = client.inputs_of(bench.name, signature, bench.version, "")
    model = spec(bench.name, signature, bench.version, "")
    messages = [predict_request(rows_of(rows, list(types)), types, model) for rows in batches]
    client.token += tuple((name.lower(), value) for name, value in UNLOGGED.items())
    client.call(PREDICTION, "Predict", messages[0])
    requests = [message.SerializeToString() for message in messages]
    return lambda warmup: run_grpc_load(
        client.channel, requests, bench.clients, bench.seconds, warmup, rate=bench.rate, metadata=client.token
    )


def find_rows(bench: Bench, client: ModelClient, version: int, workspace: Path | None) -> tuple[str, list[Any], str]:
    """Return the signature to ask, the examples to send, and where they come from."""
    if bench.files:
        from serving.client import prepare

        signature = bench.signature or client.signature_of_bytes(bench.name, bench.version)
        rows: list[Any] = [prepare(file) for file in bench.files]
        return signature, rows, f"{len(rows)} pictures" if len(rows) > 1 else str(bench.files[0])
    return bench.signature, warmup_rows(bench, client, version, workspace), "the version's warm-up file"


def take(rows: Sequence[Any], start: int, count: int) -> list[Any]:
    """Return rows from one place on, beginning again after the last."""
    return [rows[(start + number) % len(rows)] for number in range(count)]


def warmup_rows(bench: Bench, client: ModelClient, version: int, workspace: Path | None) -> list[Any]:
    """Return the rows of a version's warm-up requests for the signature, as instances.

    Raises:
        UserError: there are none.
    """
    from data.tfrecord import read_records
    from serving.client.tensors import from_message
    from serving.protos import read

    file = find_warmup_file(workspace, bench.name, version)
    if file is None:
        raise UserError(
            f"This workspace has no warm-up file of `{bench.name}` version {version}, so there is nothing to send.",
            str(workspace) if workspace else client.url,
            "Name the workspace that pushed it with --workspace, or pictures to send with --file.",
        )
    rows: list[Any] = []
    found: set[str] = set()
    for record in read_records(file):
        request = read("PredictionLog", record).predict_log.request
        signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
        found.add(signature)
        if signature != (bench.signature or DEFAULT_SIGNATURE):
            continue
        columns = {name: from_message(tensor) for name, tensor in sorted(request.inputs.items())}
        rows += rows_of_columns(columns)
    if not rows:
        raise UserError(
            f"No warm-up request asks signature `{bench.signature or DEFAULT_SIGNATURE}`.", str(file),
            f"There are requests for: {', '.join(f'`{name}`' for name in sorted(found)) or 'none'}; choose with --signature.",
        )  # fmt: skip
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


def describe(result: LoadResult, bench: Bench, version: int, url: str) -> dict[str, Any]:
    """Return what was found as JSON values; times in milliseconds."""
    any_answer = len(result.latencies) > 0
    times = {
        f"p{percent}_ms": round(1000 * result.percentile(percent), 3) if any_answer else None for percent in PERCENTILES
    }
    return {
        "name": bench.name, "version": version, "url": url, "clients": bench.clients, "seconds": round(result.seconds, 3),
        "rows": bench.rows, "requests_per_second": round(result.throughput, 1),
        "examples_per_second": round(result.throughput * bench.rows, 1), **times,
        "max_ms": round(1000 * float(result.latencies.max()), 3) if any_answer else None,
        "statuses": {str(status): count for status, count in sorted(result.statuses.items())},
        "errors": dict(result.errors),
    }  # fmt: skip


def as_text(facts: dict[str, Any]) -> str:
    """Return what was found as lines for a person."""
    names = [*(f"p{percent}" for percent in PERCENTILES), "max"]
    times = "   ".join(f"{name} {facts[f'{name}_ms'] or float('nan'):.2f} ms" for name in names)
    failed = {f"status {status}": count for status, count in facts["statuses"].items() if not status.startswith("2")}
    failed |= facts["errors"]
    each = "" if facts["rows"] == 1 else f" ({facts['examples_per_second']:,.0f} examples/s)"
    return "\n".join([
        f"throughput   {facts['requests_per_second']:,.0f} requests/s{each}",
        f"latency      {times}",
        f"failed       {', '.join(f'{count:,} x {reason}' for reason, count in failed.items()) or 'none'}",
    ])  # fmt: skip
