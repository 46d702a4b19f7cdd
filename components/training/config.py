"""Settings of training that all tasks share: what the recipe's `trainer` section may say. Each task adds its own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator

from pipeline.settings import ModuleIn, NotFingerprinted, Settings, SourceFile

DECAYING = ("exponential", "step", "inverse_time")
USED_BY = {  # fields of an optimiser that only some have a use for
    "momentum": ("name", ("sgd", "rmsprop")),
    "nesterov": ("name", ("sgd",)),
    "rho": ("name", ("rmsprop",)),
    "epsilon": ("name", ("adam", "adamw", "nadam", "rmsprop", "adagrad")),
    "decay": ("schedule", DECAYING),
    "decay_steps": ("schedule", DECAYING),
    "final": ("schedule", ("cosine",)),
    "cosine_steps": ("schedule", ("cosine",)),
}


class OptimizerConfig(Settings):
    """How weights follow their gradients."""

    name: Literal["sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam", "lion"] = Field(
        "adam", description="the update rule"
    )
    learning_rate: float = Field(0.001, gt=0, description="step size, before the schedule")
    momentum: float = Field(0.0, ge=0, lt=1, description="momentum of sgd and rmsprop")
    nesterov: bool = Field(False, description="Nesterov's momentum for sgd")
    rho: float = Field(0.9, ge=0, lt=1, description="rmsprop: share that its mean of squared gradients keeps a step")
    epsilon: float | None = Field(
        None,
        gt=0,
        description="keeps adam, rmsprop and adagrad from dividing by 0; null: Keras' 1e-7 (for rmsprop, "
        "under the root)",
    )
    weight_decay: float | None = Field(None, ge=0, description="decoupled weight decay a step, times the learning rate")
    clip_norm: float | None = Field(None, gt=0, description="largest norm of all gradients together")
    average: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="momentum of a moving average of the weights, such as 0.999; it is what is judged and saved",
    )
    schedule: Literal["constant", "cosine", "exponential", "step", "inverse_time", "manual"] = Field(
        "constant", description="course of the learning rate over the steps"
    )
    decay: float = Field(
        0.1,
        ge=0,
        description="exponential, step: factor each `decay_steps`; inverse_time: d in rate / (1 + d * step / "
        "decay_steps)",
    )
    decay_steps: int = Field(1000, gt=0, description="steps between two decays of exponential, step and inverse_time")
    final: float = Field(0.0, ge=0, le=1, description="share of the learning rate that cosine ends at")
    cosine_steps: int | None = Field(
        None, gt=0, description="steps, warm-up included, after which cosine has ended; null: at the training's end"
    )
    rates: tuple[tuple[PositiveInt, NonNegativeFloat], ...] = Field(
        (), description="manual: [step, learning rate] from that step on, in the order of the steps"
    )
    warmup_steps: int = Field(0, ge=0, description="steps over which the learning rate grows to its own")
    warmup_rate: float = Field(0.0, ge=0, description="learning rate that the warm-up begins above")

    def idle(self) -> dict[str, str]:
        chosen = {"name": self.name, "schedule": self.schedule}
        found = {}
        for key, (choice, users) in USED_BY.items():
            if chosen[choice] not in users:
                found[key] = f"it is for {choice} {' or '.join(users)}, and {choice} is {chosen[choice]}"
        return found

    @model_validator(mode="after")
    def check_rates(self) -> OptimizerConfig:
        """Refuse a list of rates without its schedule, and the other way round, or out of order."""
        if (self.schedule == "manual") != bool(self.rates):
            raise ValueError("`schedule: manual` and `rates`, such as [[1000, 0.0001]], belong together")
        steps = [step for step, _ in self.rates]
        if steps != sorted(set(steps)):
            raise ValueError(f"the steps of `rates` must grow, not {steps}")
        if self.warmup_rate and not self.warmup_steps:
            raise ValueError("`warmup_rate` needs `warmup_steps`")
        return self


class EarlyStoppingConfig(Settings):
    """When to stop before the last epoch."""

    metric: str = Field("loss", description="validation metric that is watched: loss, or the task's other one")
    patience: int = Field(5, gt=0, description="judgements without improvement before training stops")
    min_delta: float = Field(0.0, ge=0, description="smallest change that counts as improvement")


class FineTuneConfig(Settings):
    """A second phase in which the network's frozen body is trained too."""

    epochs: int = Field(5, gt=0, description="epochs of the second phase")
    learning_rate: float = Field(1e-5, gt=0, description="its learning rate; much smaller, or the body forgets")


class TrainerConfig(Settings):
    """What to train, how long, on what.

    Class attributes:
        task: whose training it is.
        metric: what is measured beside the loss, as in `validation/accuracy`.
    """

    task: ClassVar[str]
    metric: ClassVar[str]

    network: Annotated[str, ModuleIn("components/networks")] = Field(
        "cnn", description="a shipped network, or the path of your own .py file"
    )
    options: dict[str, Any] = Field({}, description="the network's own options; `labline recipe show` lists them")
    warm_start: Annotated[str | None, SourceFile()] = Field(
        None, description="weights to begin with: a Model artifact's folder, a .keras or a .weights.h5 file"
    )

    epochs: int | None = Field(
        None, gt=0, description="passes over the training split; 10 if neither this nor `steps` is given"
    )
    steps: int | None = Field(
        None, gt=0, description="batches to train on; with `epochs` too, training ends at whichever comes first"
    )
    batch_size: int = Field(32, gt=0, description="examples a step, over all devices together")
    seed: int = Field(7, ge=0, lt=2**31, description="of the weights, the order of examples, dropout and augmentation")
    shuffle: bool = Field(True, description="a new order of the examples each epoch")
    shuffle_buffer: int = Field(
        10_000, gt=0, description="examples to shuffle among where a split does not fit `cache_megabytes`"
    )

    optimizer: OptimizerConfig = Field(OptimizerConfig(), description="the update rule and its learning rate")
    fine_tune: FineTuneConfig | None = Field(
        None, description="second phase with the body unfrozen, for networks with a frozen one"
    )

    validation_split: Literal["validation", "test", "none"] = Field(
        "validation", description="split that the training is judged by; `test` only to repeat a published set-up"
    )
    judge_steps: int | None = Field(
        None, gt=0, description="steps between two judgements, at the ends of epochs; null: after each epoch"
    )
    early_stopping: EarlyStoppingConfig | None = Field(
        None, description="stop when the validation metric no longer improves; before fine-tuning, begin that"
    )
    keep: Literal["best", "last"] = Field(
        "last", description="weights that are saved: those after the last epoch, or of the best one"
    )
    keep_metric: str = Field("loss", description="validation metric that says which epoch is best")

    device: Literal["auto", "cpu", "gpu"] = Field("auto", description="auto: the GPUs if there are any")
    distribute: Literal["auto", "none", "mirrored"] = Field(
        "auto", description="mirrored: a copy on every local device; auto: if there are several GPUs"
    )
    mixed_precision: bool = Field(
        False, description="compute in 16 bits (float16 on a GPU, bfloat16 on a CPU), keep weights in 32"
    )
    deterministic: bool = Field(True, description="the same result bit for bit from the same seed on the same machine")

    checkpoint_steps: int | None = Field(
        None, gt=0, description="steps between checkpoints, besides the one after each epoch"
    )
    checkpoint_seconds: Annotated[float, NotFingerprinted()] = Field(
        60, gt=0, description="longest time between two checkpoints"
    )
    steps_per_execution: Annotated[int | Literal["auto"], NotFingerprinted()] = Field(
        "auto", description="steps in one call of the compiled loop; auto: about half a second's worth"
    )
    cache_megabytes: Annotated[int, NotFingerprinted()] = Field(
        2048, ge=0, description="decoded examples are kept in memory up to this; beyond it they are decoded each epoch"
    )
    histograms: bool = Field(True, description="histograms of the weights in TensorBoard, each epoch")

    @model_validator(mode="after")
    def check_metrics(self) -> TrainerConfig:
        """Refuse to watch something that is not measured."""
        watched = {"keep_metric": self.keep_metric}
        if self.early_stopping is not None:
            watched["early_stopping.metric"] = self.early_stopping.metric
        for key, name in watched.items():
            if name not in ("loss", self.metric):
                raise ValueError(f"`{key}` is `loss` or `{self.metric}`, not `{name}`")
        return self

    @model_validator(mode="after")
    def check_validation(self) -> TrainerConfig:
        """Refuse settings that need a validation split where none is used."""
        if self.validation_split == "none":
            for name, used in (
                ("early_stopping", self.early_stopping is not None),
                ("keep: best", self.keep == "best"),
            ):
                if used:
                    raise ValueError(f"`{name}` needs a validation split, but `validation_split` is `none`")
        return self
