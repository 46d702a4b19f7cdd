"""Load on a gRPC API: as `serving.load_generator` over REST, with requests that were serialized once."""

from __future__ import annotations

import queue
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from serving.load_generator import PAUSE_AFTER_ERROR, LoadResult
from serving.protos import message_class

if TYPE_CHECKING:
    import grpc

PREDICT = "/tensorflow.serving.PredictionService/Predict"
OK = 200  # as REST says it
Metadata = tuple[tuple[str, str], ...]


def run_grpc_load(
    channel: grpc.Channel,
    requests: Sequence[bytes],
    clients: int,
    seconds: float,
    warmup: float = 0.0,
    *,
    rate: float | None = None,
    metadata: Metadata = (),
    timeout: float = 30.0,
) -> LoadResult:
    """Send PredictRequests over a channel, again and again, and measure the answers.

    Every client has one request under way at a time. With a `rate` a request is measured from its turn on, even if all
    clients were busy then.

    Args:
        requests: serialized.
        clients: requests under way at a time.
        seconds: how long to send, after `warmup` seconds of the same load.
        rate: requests a second of all clients together; as fast as they are answered if none is given.
        metadata: sent with each request.
        timeout: seconds after which a request without an answer is given up.

    Returns:
        `statuses` has successes alone, under 200; `errors` counts the refusals and what got no answer, by gRPC's codes.
    """
    load = GrpcLoad(channel, requests, metadata, timeout, rate)
    if warmup:
        load.send_for(clients, warmup)
    return load.send_for(clients, seconds)


class GrpcLoad:
    """A load under way; answers come in gRPC's thread, which only puts them into a queue."""

    def __init__(
        self, channel: grpc.Channel, requests: Sequence[bytes], metadata: Metadata, timeout: float, rate: float | None
    ) -> None:
        self.ask = channel.unary_unary(PREDICT, bytes, message_class("PredictResponse").FromString)
        self.requests, self.metadata, self.timeout = requests, metadata, timeout
        self.interval = 1 / rate if rate else 0.0
        self.answers: queue.SimpleQueue[tuple[float, float, Any]] = queue.SimpleQueue()

    def send_for(self, clients: int, seconds: float) -> LoadResult:
        """Send for a while, and wait until all is answered."""
        latencies, errors, succeeded = array("d"), Counter[str](), 0
        began = due = last = time.perf_counter()
        ends, resumes, idle, sent = began + seconds, began, clients, 0
        while True:
            now = time.perf_counter()
            while idle and now < ends and now >= max(due, resumes):
                self.start(self.requests[sent % len(self.requests)], due if self.interval else now)
                idle, sent, due = idle - 1, sent + 1, due + self.interval
            if idle == clients and now >= ends:
                return LoadResult(
                    np.array(latencies), Counter({OK: succeeded} if succeeded else {}), last - began, errors
                )
            try:
                wait = self.timeout if not idle or now >= ends else max(max(due, resumes) - now, 0)
                started, last, answer = self.answers.get(timeout=wait)
            except queue.Empty:
                continue
            idle += 1
            if answer.code().name == "OK":
                succeeded += 1
                latencies.append(last - started)
            else:
                errors[answer.code().name] += 1
                resumes = last + PAUSE_AFTER_ERROR

    def start(self, request: bytes, started: float) -> None:
        """Send a request."""
        call = self.ask.future(request, timeout=self.timeout, metadata=self.metadata)
        call.add_done_callback(lambda answer: self.answers.put((started, time.perf_counter(), answer)))
