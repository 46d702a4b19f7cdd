"""Recipe keys of a pipeline.config's optimiser: update rule, moving average, and the learning rate's course."""

from __future__ import annotations

from collections.abc import Iterator

from data.detection.text_proto import Message, Scalar
from object_detection.pipeline_config.reading import PipelineConfig, Value
from object_detection.pipeline_config.setting import TRAINING, Setting, setting

OPTIMIZERS = {"rms_prop_optimizer": "rmsprop", "momentum_optimizer": "sgd", "adam_optimizer": "adam"}
NO_WARM_UP = Setting("trainer.optimizer.warmup_steps", 0, (), False, "this course has none")


def optimizer(config: PipelineConfig) -> Iterator[Setting]:
    """Give the update rule and the course of its learning rate."""
    top = f"{TRAINING}.optimizer"
    name = config.chosen[top][0]
    yield Setting("trainer.optimizer.name", OPTIMIZERS[name], (f"{top}.{name}",))
    for field_name in ("momentum_optimizer_value", "decay", "epsilon"):
        path = f"{top}.{name}.{field_name}"
        if path in config.values:
            yield setting(config, config.network.fields[path].key, config[path], path)
    clip = f"{TRAINING}.gradient_clipping_by_norm"
    yield setting(
        config,
        "trainer.optimizer.clip_norm",
        config[clip] or None,
        clip,
        remark="of all gradients together; the API with TensorFlow 1 clipped each by itself" if config[clip] else "",
    )
    use, decay, judged = f"{top}.use_moving_average", f"{top}.moving_average_decay", "eval_config.use_moving_averages"
    averaged = config[use] and config[judged]
    yield setting(
        config,
        "trainer.optimizer.average",
        config[decay] if averaged else None,
        use,
        decay,
        judged,
        remark="" if averaged or not config[use] else f"{config[decay]:g} was kept, but neither judged nor exported",
    )
    yield from learning_rate(config, name)


def learning_rate(config: PipelineConfig, name: str) -> Iterator[Setting]:
    """Give the course of the learning rate."""
    kind = config.chosen[f"{TRAINING}.optimizer.{name}.learning_rate"][0]
    top = f"{TRAINING}.optimizer.{name}.learning_rate.{kind}"
    prefix = "trainer.optimizer"
    warm: list[Setting] = [NO_WARM_UP]
    if kind == "constant_learning_rate":
        yield setting(config, f"{prefix}.learning_rate", config[f"{top}.learning_rate"], f"{top}.learning_rate")
        yield Setting(f"{prefix}.schedule", "constant", (top,))
    elif kind == "exponential_decay_learning_rate":
        first, steps, factor, stairs = (
            f"{top}.{name}" for name in ("initial_learning_rate", "decay_steps", "decay_factor", "staircase")
        )
        yield setting(config, f"{prefix}.learning_rate", config[first], first)
        yield setting(config, f"{prefix}.schedule", "step" if config[stairs] else "exponential", stairs)
        yield setting(config, f"{prefix}.decay", config[factor], factor)
        yield setting(config, f"{prefix}.decay_steps", config[steps], steps)
    elif kind == "cosine_decay_learning_rate":
        base, total, begin, steps = (
            f"{top}.{name}" for name in ("learning_rate_base", "total_steps", "warmup_learning_rate", "warmup_steps")
        )
        yield setting(config, f"{prefix}.learning_rate", config[base], base)
        yield Setting(f"{prefix}.schedule", "cosine", (top,))
        yield setting(config, f"{prefix}.cosine_steps", config[total], total)
        yield Setting(f"{prefix}.final", 0.0, (top,))
        if config[total] < config[steps]:
            config.stop(steps, f"is {config[steps]}, more than `total_steps`, {config[total]}.", "Set it to less.")
        if config[base] < config[begin]:
            config.stop(begin, f"is {config[begin]:g}, more than `learning_rate_base`.", "Set it to less.")
        warm = [setting(config, f"{prefix}.warmup_steps", config[steps], steps)]
        if config[steps]:
            warm.append(setting(config, f"{prefix}.warmup_rate", config[begin], begin))
    else:
        found, warm = manual(config, top)
        yield from found
    yield from warm


def manual(config: PipelineConfig, top: str) -> tuple[list[Setting], list[Setting]]:
    """Return the settings of rates that change at given steps, and those of the warm-up to the first of them."""
    first, schedule, warmup = f"{top}.initial_learning_rate", f"{top}.schedule", f"{top}.warmup"
    rates = [read_rate(config, schedule, item) for item in config[schedule]]
    steps = [step for step, _ in rates]
    if not rates or steps != sorted(set(steps)) or steps[0] < 1:
        config.stop(
            schedule, "has no steps, or not in their order.", "Add `schedule { step: 1000 learning_rate: 0.001 }`."
        )
        return [], []
    prefix, warm = "trainer.optimizer", [NO_WARM_UP]
    rate, source = config[first], first
    if config[warmup]:
        warm = [
            setting(config, f"{prefix}.warmup_steps", steps[0], warmup, schedule),
            setting(config, f"{prefix}.warmup_rate", rate, first),
        ]
        rate, source, rates = rates[0][1], schedule, rates[1:]
    found = [
        setting(config, f"{prefix}.learning_rate", rate, source),
        Setting(f"{prefix}.schedule", "manual" if rates else "constant", (top,)),
    ]
    if rates:
        found.append(setting(config, f"{prefix}.rates", [list(item) for item in rates], schedule))
    return found, warm


def read_rate(config: PipelineConfig, path: str, item: Message) -> tuple[int, float]:
    """Return step and rate of one entry."""
    found: dict[str, float] = {"step": 0, "learning_rate": 0.002}
    for name, values in item.fields.items():
        value = values[0]
        if name not in found or not isinstance(value, Scalar) or not isinstance(value.value, (int, float)):
            config.values[path] = Value(config[path], value.line, True)
            config.stop(
                path, f"has a `{name}` that cannot be read.", "Write `schedule { step: 1000 learning_rate: 0.001 }`."
            )
            continue
        found[name] = value.value
    return int(found["step"]), float(found["learning_rate"])
