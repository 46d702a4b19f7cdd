"""The training loop: phases, epochs, checkpoints, validation and early stopping around the compiled steps."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from components.training import checkpoints, steps
from components.training.config import OptimizerConfig, TrainerConfig
from components.training.history import History, means
from components.training.input_pipeline import InputPipeline
from components.training.optimizers import learning_rate_at
from components.training.run import TrainingRun
from components.training.tensorboard import TensorBoard
from components.training.validation import Validator
from pipeline.errors import UserError
from pipeline.metric import LOSS, Metric, find_metric
from pipeline.progress import Job

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf
    from numpy.typing import NDArray

# length of one call of the compiled loop: long enough to cost nothing, short enough to show progress
CALL_SECONDS = 0.5
DEFAULT_EPOCHS = 10  # as the settings' description says
NOT_STOPPING = {"best": None, "waited": 0, "stopped": False}
EPOCHS_TOLD = 20  # of a longer training every so many epochs are told


@dataclass(frozen=True)
class Phase:
    """A stretch of training under one optimiser.

    Attributes:
        start: steps done before it.
        end: steps done after it.
        optimizer: its settings.
        unfrozen: whether the network's body is trained too.
    """

    start: int
    end: int
    optimizer: OptimizerConfig
    unfrozen: bool = False

    def rate(self, step: int) -> float:
        """Return the learning rate after `step` steps of the whole training."""
        return learning_rate_at(self.optimizer, self.end - self.start, max(0, step - 1 - self.start))


@dataclass
class State:
    """Where a training stands, besides its arrays.

    Attributes:
        phase: place of the running phase.
        first_end: step at which early stopping ended the first of two phases; None if it did not.
        best: `epoch` and `value` of the best judgement so far.
        stopping: what early stopping counts, in the running phase.
        seconds: time spent before an interruption.
    """

    step: int = 0
    phase: int = 0
    first_end: int | None = None
    best: dict[str, Any] | None = None
    stopping: dict[str, Any] = field(default_factory=lambda: dict(NOT_STOPPING))
    seconds: float = 0.0


def plan_phases(config: TrainerConfig, steps_an_epoch: int, first_end: int | None = None) -> list[Phase]:
    """Return the phases of a training; `epochs` and `steps` both given end the first at whichever comes first.

    Args:
        first_end: step at which early stopping ended the first phase.
    """
    wanted = [] if config.epochs is None else [config.epochs * steps_an_epoch]
    wanted += [] if config.steps is None else [config.steps]
    end = first_end or (min(wanted) if wanted else DEFAULT_EPOCHS * steps_an_epoch)
    phases = [Phase(0, end, config.optimizer)]
    if config.fine_tune is not None:
        optimizer = config.optimizer.model_copy(update={"learning_rate": config.fine_tune.learning_rate})
        phases.append(Phase(end, end + config.fine_tune.epochs * steps_an_epoch, optimizer, unfrozen=True))
    return phases


class Loop:
    """One training, from its newest checkpoint to its end.

    Args:
        run: the training as its task set it up.
        batches: the training split.
        validate: gives loss and metrics of another split; None where there is none.
        strategy: the devices.
        logs: for TensorBoard.
    """

    def __init__(
        self,
        run: TrainingRun,
        batches: InputPipeline,
        validate: Validator | None,
        strategy: tf.distribute.Strategy,
        logs: TensorBoard,
    ) -> None:
        self.training, self.model, self.batches, self.config = run, run.trained, batches, run.config
        self.validate, self.strategy, self.logs = validate, strategy, logs
        self.progress = run.context.progress
        self.say, self.folder = self.progress.say, run.context.scratch / "checkpoints"
        self.phases = plan_phases(self.config, self.batches.steps)
        self.state, self.history = State(), History.for_steps(self.total, *run.objective.metrics)
        self.best: dict[str, NDArray[Any]] = {}
        self.saved_at = self.started = time.monotonic()
        self.calls = CallLength(self.config.steps_per_execution)

    def run(self) -> None:
        """Train to the end and leave the weights that are to be kept in the model."""
        found = checkpoints.load_newest(self.folder, self.progress)
        if found is not None:
            self.state = State(**found[1]["state"])
            self.phases = plan_phases(self.config, self.batches.steps, self.state.first_end)
        self.enter_phase()
        if found is not None:
            self.restore(*found)
        else:
            self.logs.write_graph(self.training.trace())
        with self.progress.job(f"training {self.model.name}", self.total) as job:
            job(self.state.step)
            while not self.state.stopping["stopped"] and self.state.step < self.total:
                if self.state.step == self.phase.end:
                    self.state.phase, self.state.stopping = self.state.phase + 1, dict(NOT_STOPPING)
                    self.enter_phase()
                self.run_epoch(job)
        self.state.seconds = self.seconds
        if self.config.keep == "best" and self.best:
            checkpoints.write_states(self.model.weights, "best", self.best)
        elif self.config.optimizer.average is not None:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)

    @property
    def phase(self) -> Phase:
        return self.phases[self.state.phase]

    @property
    def total(self) -> int:
        """Return the steps of all phases."""
        return self.phases[-1].end

    @property
    def seconds(self) -> float:
        """Return the time spent training, that before an interruption included."""
        return self.state.seconds + time.monotonic() - self.started

    def enter_phase(self) -> None:
        """Make the phase's optimiser and compile its step."""
        if self.phase.unfrozen:
            self.training.unfreeze()
            self.say(
                f"  fine-tuning the whole network from step {self.phase.start:,}, learning rate "
                f"{self.phase.optimizer.learning_rate}"
            )
        with self.strategy.scope():
            steps_in_phase = self.phase.end - self.phase.start
            self.optimizer = self.training.make_optimizer(self.phase.optimizer, steps_in_phase)
            self.optimizer.build(self.model.trainable_variables)
        self.train = steps.training_block(
            self.model, self.optimizer, self.training.objective, self.batches, self.strategy
        )

    def run_epoch(self, job: Job) -> None:
        """Train to the end of the epoch, or of the phase if that comes first, and judge."""
        epoch, skip = divmod(self.state.step, self.batches.steps)
        end = min((epoch + 1) * self.batches.steps, self.phase.end)
        source = self.batches.source(epoch, skip)
        while self.state.step < end:
            size = min(self.calls.size, end - self.state.step, self.until_checkpoint())
            with self.calls.timed():
                results = self.train(source, self.state.step - epoch * self.batches.steps, size)
            self.check_finite(results)
            self.state.step += size
            fresh = self.history.add(results, self.state.step)
            self.logs.write_points(fresh, self.phase.rate(self.state.step))
            shown = zip(("loss", *self.history.metrics), means(self.history.sums), strict=True)
            job(size, " ".join([f"epoch {epoch + 1}", *(f"{name} {value:.4f}" for name, value in shown)]))
            if self.state.step < end and self.checkpoint_due():
                self.save()
        self.close_epoch()
        self.save()

    def until_checkpoint(self) -> int:
        """Return the steps to the next multiple of `checkpoint_steps`."""
        every = self.config.checkpoint_steps
        return self.total if every is None else every - self.state.step % every

    def checkpoint_due(self) -> bool:
        """Say whether a checkpoint is to be written within an epoch."""
        every = self.config.checkpoint_steps
        due = every is not None and self.state.step % every == 0
        return due or time.monotonic() - self.saved_at >= self.config.checkpoint_seconds

    def check_finite(self, results: NDArray[np.float32]) -> None:
        """Stop at the first loss that is no number."""
        for place, loss in enumerate(results[:, 0].tolist(), 1):
            if not math.isfinite(loss):
                step = self.state.step + place
                raise UserError(
                    f"The loss became {loss} in step {step:,} (learning rate {self.phase.rate(step):g}): the "
                    "training diverged.",
                    "trainer.optimizer.learning_rate",
                    f"Try a smaller one, such as {self.phase.rate(step) / 10:g}, `trainer.optimizer.warmup_steps`, or "
                    "`trainer.optimizer.clip_norm: 1`.",
                )

    def close_epoch(self) -> None:
        """Judge the validation split and record the epoch.

        A phase that ends within an epoch closes it early, and the next begins another.
        """
        epoch = len(self.history.epochs) + 1
        row: dict[str, Any] = {
            "epoch": epoch,
            "step": self.state.step,
            "learning_rate": self.phase.rate(self.state.step),
        }
        with self.averaged():
            if self.validate is not None and self.validation_due():
                row |= {f"validation/{name}": value for name, value in self.validate().items()}
                self.note_best(epoch, row)
            if self.config.histograms:
                self.logs.write_histograms(self.training.named_weights(), epoch)
        row = self.history.close_epoch(row)
        self.logs.write_epoch(row)
        epochs = -(-self.total // self.batches.steps)
        if epoch % max(1, epochs // EPOCHS_TOLD) == 0 or self.state.step == self.total:
            told = [f"{split}/{name}" for split in ("validation", "train") for name in ("loss", self.config.metric)]
            measured = ", ".join(f"{name} {row[name]:.4f}" for name in told if name in row)
            self.say(f"  epoch {epoch}, step {self.state.step:,}: {measured}")
        if any(name.startswith("validation/") for name in row):
            self.note_stopping(row)

    def validation_due(self) -> bool:
        """Say whether the epoch that ends now is judged: it is the last, or holds a multiple of `judge_steps`."""
        every, step = self.config.judge_steps, self.state.step
        return every is None or step == self.total or step // every > max(step - self.batches.steps, 0) // every

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the moving average in the place of the weights while the block runs, if one is kept."""
        if self.config.optimizer.average is None:
            yield
            return
        raw = checkpoints.read_states(self.model.trainable_variables, "raw")
        self.optimizer.finalize_variable_values(self.model.trainable_variables)
        try:
            yield
        finally:
            checkpoints.write_states(self.model.trainable_variables, "raw", raw)

    def note_best(self, epoch: int, row: dict[str, Any]) -> None:
        """Keep the weights of the best epoch so far."""
        value = row[f"validation/{self.config.keep_metric}"]
        if self.state.best is None or self.metric(self.config.keep_metric).is_better(value, self.state.best["value"]):
            self.state.best = {"epoch": epoch, "value": value}
            if self.config.keep == "best":
                self.best = checkpoints.read_states(self.model.weights, "best")

    def note_stopping(self, row: dict[str, Any]) -> None:
        """Count epochs without improvement, and stop when patience ends."""
        watched = self.config.early_stopping
        if watched is None:
            return
        value, metric = row[f"validation/{watched.metric}"], self.metric(watched.metric)
        stopping = self.state.stopping
        if stopping["best"] is None or metric.is_better(value, stopping["best"], watched.min_delta):
            stopping["best"], stopping["waited"] = value, 0
            return
        stopping["waited"] += 1
        if stopping["waited"] >= watched.patience:
            self.say(f"  stopped early: validation/{watched.metric} has not improved for {watched.patience} epochs")
            if self.phase is self.phases[-1]:
                stopping["stopped"] = True
            else:  # what is left out is the rest of this phase
                self.state.first_end = self.state.step
                self.phases = plan_phases(self.config, self.batches.steps, self.state.first_end)

    def metric(self, name: str) -> Metric:
        """Return what is watched.

        Raises:
            UsageError: it is not known which way is better.
        """
        return find_metric(name, {LOSS.name: LOSS, **self.training.metrics})

    def states(self) -> dict[str, list[Any]]:
        """Return the variables that a checkpoint holds, by kind."""
        return {
            "model": self.model.weights,
            "random": self.training.random_states(),
            "optimizer": self.optimizer.variables,
        }

    def save(self) -> None:
        """Write a checkpoint."""
        arrays = dict(self.best)
        for kind, variables in self.states().items():
            arrays |= checkpoints.read_states(variables, kind)
        state = {**asdict(self.state), "seconds": self.seconds}
        checkpoints.save(self.folder, self.state.step, arrays, {"state": state, "history": asdict(self.history)})
        self.saved_at = time.monotonic()

    def restore(self, arrays: dict[str, NDArray[Any]], facts: dict[str, Any]) -> None:
        """Go back to a checkpoint."""
        for kind, variables in self.states().items():
            checkpoints.write_states(variables, kind, arrays)
        self.best = {name: value for name, value in arrays.items() if name.startswith("best/")}
        self.history = History(**{**facts["history"], "metrics": tuple(facts["history"]["metrics"])})
        self.history.points = [(int(step), *values) for step, *values in self.history.points]
        self.say(f"  resumed from the checkpoint of step {self.state.step:,} of {self.total:,}")


class CallLength:
    """How many steps one call of the compiled loop takes: a fixed number, or about half a second's worth."""

    def __init__(self, wanted: int | str) -> None:
        self.fixed = wanted if isinstance(wanted, int) else None
        self.size = self.fixed or 1
        self.compiled = False

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time a call and choose the next one's length; the first call compiles and does not count."""
        before = time.monotonic()
        yield
        spent = time.monotonic() - before
        if self.fixed is None and self.compiled:
            if spent < CALL_SECONDS / 2:
                self.size *= 2
            elif spent > CALL_SECONDS * 2:
                self.size = max(1, self.size // 2)
        self.compiled = True
