"""Batching: many calls share one call of the model, and nobody gets another's answer or another's error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from serving.server.batching import BatchedExecution
from serving.server.errors import RequestError
from serving.server.execution import Arrays, Waiting
from serving.server.metrics import Metrics
from serving.server_config_files import BatchingParameters

LATER = 30.0


class Model:
    """A model of x * 2 that notes what it is called with, and can be held up so that calls gather."""

    name, batching = "m", None

    def __init__(self, held: bool = False) -> None:
        self.open, self.inside = threading.Event(), threading.Event()
        self.calls: list[Arrays] = []
        self.users = 0
        if not held:
            self.open.set()

    def signature(self, _: str) -> Any:
        return self

    def run(self, _: Any, arrays: Arrays, deadline: float) -> Arrays:
        self.calls.append(arrays)
        self.inside.set()
        assert self.open.wait(LATER)
        if any((array == -1).any() for array in arrays.values()):
            raise RequestError("INVALID_ARGUMENT", "a number is -1")
        return {"y": arrays["x"] * 2}

    def acquire(self) -> None:
        self.users += 1

    def release(self) -> None:
        self.users -= 1

    def sizes(self) -> list[int]:
        return [len(arrays["x"]) for arrays in self.calls]


@pytest.fixture
def make() -> Iterator[Any]:
    made: list[BatchedExecution] = []

    def make(**parameters: Any) -> BatchedExecution:
        made.append(BatchedExecution(BatchingParameters(**{"num_batch_threads": 1, **parameters}), Metrics()))
        return made[-1]

    yield make
    for execution in made:
        execution.close()


def submit(execution: BatchedExecution, model: Any, values: Any, deadline: float = LATER) -> Waiting:
    waiting = Waiting()
    arrays = values if isinstance(values, dict) else {"x": np.array(values, np.float32)}
    execution.submit(model, "serving_default", arrays, time.monotonic() + deadline, waiting)
    return waiting


def result(waiting: Waiting) -> Any:
    return waiting.wait(time.monotonic() + LATER)["y"].tolist()


def gather(execution: BatchedExecution, model: Model, calls: list[Any]) -> list[Waiting]:
    """Submit calls while the model is busy with another, so that they are all there when it is free."""
    first = submit(execution, model, [0])
    assert model.inside.wait(LATER)
    waiting = [submit(execution, model, values) for values in calls]
    model.open.set()
    result(first)
    return waiting


def test_calls_that_come_while_the_model_is_busy_share_its_next_call(make: Any) -> None:
    model = Model(held=True)
    waiting = gather(make(), model, [[1], [2, 3], [4]])
    assert [result(item) for item in waiting] == [[2], [4, 6], [8]]
    assert model.sizes() == [1, 4]


def test_a_batch_is_never_larger_than_allowed(make: Any) -> None:
    model = Model(held=True)
    waiting = gather(make(max_batch_size=4), model, [[1, 1], [2, 2], [3, 3], [4]])
    assert [result(item) for item in waiting] == [[2, 2], [4, 4], [6, 6], [8]]
    assert model.sizes() == [1, 4, 3]


def test_an_incomplete_batch_waits_for_company_until_its_time_is_over(make: Any) -> None:
    model = Model()
    execution = make(batch_timeout_micros=300_000, max_batch_size=3)
    waiting = [submit(execution, model, [1]), submit(execution, model, [2])]
    time.sleep(0.05)
    assert model.calls == []
    waiting.append(submit(execution, model, [3]))
    assert [result(item) for item in waiting] == [[2], [4], [6]]
    assert result(submit(execution, model, [4])) == [8]
    assert model.sizes() == [3, 1]


def test_a_short_batch_is_padded_to_an_allowed_size_and_nobody_sees_it(make: Any) -> None:
    model = Model(held=True)
    execution = make(max_batch_size=8, allowed_batch_sizes=(4, 8))
    waiting = gather(execution, model, [[1], [2], [3]])
    assert [result(item) for item in waiting] == [[2], [4], [6]]
    assert model.sizes() == [4, 4]
    assert model.calls[1]["x"].tolist() == [1, 2, 3, 1]
    assert execution.metrics.value(":tensorflow:serving:batching_session:wrapped_run_count") == 2


def test_a_full_queue_says_unavailable_and_goes_on(make: Any) -> None:
    model = Model(held=True)
    execution = make(max_batch_size=1, max_enqueued_batches=2)
    waiting = [submit(execution, model, [0])]
    assert model.inside.wait(LATER)
    waiting += [submit(execution, model, [1]), submit(execution, model, [2])]
    with pytest.raises(RequestError) as caught:
        result(submit(execution, model, [3]))
    assert caught.value.http_status == 503
    model.open.set()
    assert [result(item) for item in waiting] == [[0], [2], [4]]


def test_a_bad_call_fails_alone(make: Any) -> None:
    model = Model(held=True)
    waiting = gather(make(), model, [[1], [-1], [3]])
    assert (result(waiting[0]), result(waiting[2])) == ([2], [6])
    with pytest.raises(RequestError, match="a number is -1"):
        result(waiting[1])


def test_calls_of_different_inner_shapes_do_not_meet(make: Any) -> None:
    model = Model(held=True)
    waiting = gather(make(), model, [[[1, 2]], [[3, 4, 5]], [[6, 7]]])
    assert [result(item) for item in waiting] == [[[2, 4]], [[6, 8, 10]], [[12, 14]]]
    assert [arrays["x"].shape for arrays in model.calls[1:]] == [(2, 2), (1, 3)]


def test_calls_of_different_inner_shapes_are_padded_where_that_is_asked_for(make: Any) -> None:
    model = Model(held=True)
    waiting = gather(make(pad_variable_length_inputs=True), model, [[[1, 2]], [[3, 4, 5]]])
    assert [result(item) for item in waiting] == [[[2, 4, 0]], [[6, 8, 10]]]


def test_a_call_too_large_for_a_batch_is_refused_or_split(make: Any) -> None:
    model = Model()
    with pytest.raises(RequestError, match="Task size 5 is larger than maximum input batch size 4"):
        result(submit(make(max_batch_size=4), model, [1, 2, 3, 4, 5]))
    splitting = make(max_batch_size=100, enable_large_batch_splitting=True, max_execution_batch_size=2)
    assert result(submit(splitting, model, [1, 2, 3, 4, 5])) == [2, 4, 6, 8, 10]
    assert sorted(model.sizes()) == [1, 2, 2]
    with pytest.raises(RequestError, match="a number is -1"):
        result(submit(splitting, model, [1, 2, 3, 4, -1]))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": np.float32(1)}, "at least one dimension"),
        ({"x": np.zeros(2, np.float32), "z": np.zeros(3, np.float32)}, "equal 0th-dimension"),
    ],
)
def test_inputs_without_a_common_first_dimension_cannot_be_batched(make: Any, inputs: Any, message: str) -> None:
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    with pytest.raises(RequestError, match=message) as caught:
        result(submit(make(), Model(), arrays))
    assert caught.value.code == "INVALID_ARGUMENT"


def test_outputs_that_are_not_by_row_cannot_be_batched(make: Any) -> None:
    model = Model()
    model.run = lambda _, arrays, deadline: {"y": np.asarray(arrays["x"].sum(), np.float32)}  # type: ignore[method-assign]
    with pytest.raises(RequestError, match="0 dimensions") as caught:
        result(submit(make(), model, [1, 2]))
    assert caught.value.code == "FAILED_PRECONDITION"


def test_a_model_whose_outputs_are_not_by_row_gives_nobody_an_answer_by_chance(make: Any) -> None:
    model = Model(held=True)
    run = model.run
    model.run = lambda _, arrays, deadline: {"y": run(_, arrays, deadline)["y"].sum(keepdims=True)}  # type: ignore[method-assign]
    for waiting in gather(make(), model, [[1, 2], [3, 4]]):
        with pytest.raises(RequestError, match="0th dimension"):
            result(waiting)


def test_a_call_without_rows_shares_a_padded_batch(make: Any) -> None:
    model = Model(held=True)
    waiting = gather(make(max_batch_size=8, allowed_batch_sizes=(4, 8)), model, [[], [1, 2]])
    assert [result(item) for item in waiting] == [[], [2, 4]]
    assert result(submit(make(max_batch_size=4, allowed_batch_sizes=(2, 4)), Model(), [])) == []


def test_a_caller_that_stops_to_wait_leaves_the_model_in_memory_until_it_is_through(make: Any) -> None:
    model = Model(held=True)
    with pytest.raises(RequestError, match="time was over"):
        make().run(model, "serving_default", {"x": np.zeros(1)}, time.monotonic() + 0.05)
    assert model.users == 1
    model.open.set()
    while model.users:
        time.sleep(0.01)


def test_a_call_whose_time_is_over_is_not_computed(make: Any) -> None:
    model = Model(held=True)
    execution = make()
    first = submit(execution, model, [0])
    assert model.inside.wait(LATER)
    late, good = submit(execution, model, [1], deadline=0.0), submit(execution, model, [2])
    time.sleep(0.01)
    model.open.set()
    assert (result(first), result(good)) == ([0], [4])
    with pytest.raises(RequestError) as caught:
        result(late)
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert model.sizes() == [1, 1]


def test_closing_finishes_what_was_submitted_and_refuses_the_rest(make: Any) -> None:
    model = Model()
    execution = make(batch_timeout_micros=10_000_000)
    waiting = submit(execution, model, [1])
    execution.close()
    assert result(waiting) == [2]
    with pytest.raises(RequestError, match="stopping"):
        result(submit(execution, model, [1]))


def test_every_caller_gets_its_own_rows_under_load(make: Any) -> None:
    model = Model()
    execution = make(num_batch_threads=3, max_batch_size=16, max_enqueued_batches=10_000)
    wrong: list[Any] = []

    def ask(seed: int) -> None:
        generator = np.random.default_rng(seed)
        for _ in range(100):
            values = generator.integers(0, 1000, generator.integers(1, 9)).tolist()
            if result(submit(execution, model, values)) != [2 * value for value in values]:
                wrong.append(values)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(model.calls) < 800
