"""A recipe as a pipeline.config that the Object Detection API takes, every field written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.detection.label_map import read_label_map
from object_detection import zoo
from object_detection.pipeline_config.augmentations import augmentation_fields
from object_detection.pipeline_config.fields import BODY_DECAY, BODY_MOMENTUM
from object_detection.pipeline_config.networks import FPNLITE, NETWORKS, Network, by_recipe
from object_detection.pipeline_config.optimizer import OPTIMIZERS
from object_detection.pipeline_config.pyramid import pyramid_fields
from object_detection.pipeline_config.records import PLACEHOLDER, input_paths
from object_detection.pipeline_config.setting import SSD, TRAINING
from pipeline.errors import UserError

LEFT_OUT = (  # the API's builder looks whether they are written, and not every network of its takes them
    "model.ssd.feature_extractor.replace_preprocessor_with_placeholder",
    "model.ssd.feature_extractor.num_layers",
)
UNSAID = {  # settings that the API's training has none of, with their defaults
    "trainer.early_stopping": None,
    "trainer.keep": "last",
    "trainer.validation_split": "validation",
    "trainer.warm_start_averages": False,
}
ANCHORS_LOOKED_AT = 3000  # or more, if there are more: all of them
ANCHORS_A_CELL = 6


class Named(str):
    """A text without quotes: an enumeration's name."""


def pipeline_config(values: dict[str, Any], classes: int | None = None) -> str:
    """Return the text of a pipeline.config.

    Args:
        values: the recipe's, by dotted key, as `pipeline.recipe.load` settles them.
        classes: their number; by default the label map says it.

    Raises:
        UserError: the recipe has what the API cannot do, or the number of classes is not known.
    """
    check(values)
    network = by_recipe(values["trainer.network"]) or NETWORKS[0]
    remarks = [
        f"{key}: a pipeline.config has no word for it." for key, usual in UNSAID.items() if values.get(key, "") != usual
    ]
    fields = {
        **constants(network),
        f"{SSD}.num_classes": classes or count_classes(values),
        **model_fields(values, network),
        **(pyramid_fields(values) if network is FPNLITE else mining_fields(values)),
        **training_fields(values, network, remarks),
        **optimizer_fields(values, remarks),
        **reader_fields(values, remarks),
    }
    told = "".join(f"# {remark}\n" for remark in remarks)
    return (
        f"# From the recipe `{values['name']}`; its fields are those of the API's last versions.\n{told}\n"
        + text_of(fields, network)
    )


def check(values: dict[str, Any]) -> None:
    """Refuse what a pipeline.config cannot say.

    Raises:
        UserError: names the key.
    """
    optimizer = "trainer.optimizer"
    known = {
        "task": ("object_detection",),
        "trainer.network": tuple(name for network in NETWORKS for name in (network.name, *network.others)),
        f"{optimizer}.name": tuple(OPTIMIZERS.values()),
        f"{optimizer}.nesterov": (False,),
        f"{optimizer}.weight_decay": (None,),
        f"{optimizer}.schedule": ("constant", "cosine", "exponential", "step", "manual"),
        f"{optimizer}.final": (0.0,)
        if values[f"{optimizer}.schedule"] == "cosine"
        else (values[f"{optimizer}.final"],),
        "trainer.fine_tune": (None,),
    }
    for key, allowed in known.items():
        if values.get(key, allowed[0]) not in allowed:
            listed = ", ".join(f"`{item}`" for item in allowed)
            raise UserError(f"A pipeline.config cannot say `{key}: {values[key]}`.", key, f"It can say: {listed}.")
    if values[f"{optimizer}.warmup_steps"] and values[f"{optimizer}.schedule"] in ("exponential", "step"):
        raise UserError(
            "A pipeline.config has no warm-up before an exponential decay.",
            f"{optimizer}.warmup_steps",
            "Set it to 0, or take `schedule: cosine` or `manual`.",
        )
    if not values.get("trainer.steps"):
        raise UserError("A pipeline.config counts in steps.", "trainer.steps", "Give `trainer.steps=N`.")


def count_classes(values: dict[str, Any]) -> int:
    """Return the largest number of the recipe's label map.

    Raises:
        UserError: the recipe names none.
    """
    if values.get("data.classes"):
        return len(values["data.classes"])
    named = values.get("data.label_map")
    if not named or PLACEHOLDER in str(named):
        raise UserError("How many classes there are is not known.", "data.label_map", "Give `--classes N`.")
    return max(read_label_map(Path(str(named)).expanduser()))


def constants(network: Network) -> dict[str, Any]:
    """Return the fields that can have one value only here."""
    found: dict[str, Any] = {}
    for path, item in network.fields.items():
        if item.only and not item.key and "input_reader" not in path and path not in LEFT_OUT:
            found[path] = Named(item.only[0]) if item.kind == "word" else item.only[0]
        elif item.kind == "empty":
            found[path] = {}
    return found


def model_fields(values: dict[str, Any], network: Network) -> dict[str, Any]:
    """Return the fields of the network and its loss."""
    found = {f"{SSD}.{name}": option(values, network.fields[f"{SSD}.{name}"].key, network) for name in network.direct}
    width, size = option(values, "trainer.options.width", network), values["trainer.options.size"]
    min_depth = network.find_min_depth(width)
    if min_depth is None:
        raise UserError(
            f"The Object Detection API has other numbers of channels at width {width:g}.",
            "trainer.options.width",
            "Take .25, .5, .75 or 1.",
        )
    decay, momentum = values["trainer.weight_decay"], option(values, "trainer.options.momentum", network)
    for layers, kernels in network.kernels.items():
        found[f"{layers}.regularizer.l2_regularizer.weight"] = decay
        found |= {
            f"{layers}.initializer.{kernels.initializer}.{name}": Named(value) if isinstance(value, str) else value
            for name, value in kernels.values.items()
        }
        if f"{layers}.batch_norm.decay" in network.fields:
            found[f"{layers}.batch_norm.decay"] = momentum
    override = network is FPNLITE or (decay, momentum) != (BODY_DECAY, BODY_MOMENTUM)
    return found | {
        f"{SSD}.image_resizer.fixed_shape_resizer.width": size,
        f"{SSD}.feature_extractor.type": network.types[0],
        f"{SSD}.feature_extractor.min_depth": min_depth,
        f"{SSD}.feature_extractor.override_base_feature_extractor_hyperparams": override,
        f"{SSD}.post_processing.batch_non_max_suppression.max_detections_per_class": values["trainer.options.most"],
        f"{SSD}.loss.classification_weight": values["trainer.classification_weight"],
        f"{SSD}.loss.localization_weight": values["trainer.localization_weight"],
        f"{SSD}.normalize_loc_loss_by_codesize": network.shared_codes,
        f"{SSD}.freeze_batchnorm": frozen(values),
    }


def mining_fields(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the hard example mining that SSD-MobileNet v1 learns by."""
    size = values["trainer.options.size"]
    anchors = sum((-(-size // 2**level)) ** 2 for level in range(4, 10)) * ANCHORS_A_CELL
    return {
        f"{SSD}.loss.hard_example_miner.num_hard_examples": max(ANCHORS_LOOKED_AT, anchors),
        f"{SSD}.loss.hard_example_miner.iou_threshold": 0.99,
        f"{SSD}.loss.hard_example_miner.max_negatives_per_positive": values["trainer.negatives_per_positive"],
    }


def option(values: dict[str, Any], key: str, network: Network) -> Any:
    """Return one of the network's options; those that depend on the weights to start from are settled.

    Raises:
        UserError: the width is that of weights which were not looked at.
    """
    value, warm = values[key], values["trainer.warm_start"]
    if value is not None:
        return value
    if key.endswith(".momentum"):
        return network.momentum if warm else 0.97
    if not warm:
        return 1.0
    if warm in zoo.names():
        return zoo.find(warm).width
    raise UserError(
        "How wide the network is depends on the weights to start from.",
        key,
        "Set it: `trainer.options.width=1.0`, or .75 ...",
    )


def frozen(values: dict[str, Any]) -> bool:
    """Tell whether batch normalisation keeps its statistics."""
    return values["trainer.batch_norm"] == "frozen" or (
        values["trainer.batch_norm"] == "auto" and values["trainer.warm_start"] is not None
    )


def training_fields(values: dict[str, Any], network: Network, remarks: list[str]) -> dict[str, Any]:
    """Return the fields of the training but for its optimiser."""
    warm, parts = values["trainer.warm_start"], values["trainer.warm_start_parts"]
    if warm and parts == "body_and_boxes":
        remarks.append(
            "The recipe takes over all but the class predictors; the API does so too if the number of classes differs."
        )
    if warm and not ("/" in warm or "." in warm or PLACEHOLDER in warm):
        remarks.append(
            f"fine_tune_checkpoint: `{warm}` is labline's name of it; the API needs the path of the checkpoint."
        )
    return {
        f"{TRAINING}.batch_size": values["trainer.batch_size"],
        f"{TRAINING}.fine_tune_checkpoint": warm or "",
        f"{TRAINING}.fine_tune_checkpoint_type": "detection" if warm else "",
        f"{TRAINING}.from_detection_checkpoint": bool(warm),
        f"{TRAINING}.load_all_detection_checkpoint_vars": bool(warm) and parts != "body",
        f"{TRAINING}.num_steps": values["trainer.steps"],
        f"{TRAINING}.data_augmentation_options": augmentation_fields(values["trainer.augmentation"]),
        f"{TRAINING}.freeze_variables": list(network.frozen) if values["trainer.trained"] == "extras" else [],
        f"{TRAINING}.add_regularization_loss": True,
        f"{TRAINING}.use_bfloat16": values["trainer.mixed_precision"],
        f"{TRAINING}.gradient_clipping_by_norm": values["trainer.optimizer.clip_norm"] or 0.0,
    }


def optimizer_fields(values: dict[str, Any], remarks: list[str]) -> dict[str, Any]:
    """Return the fields of the update rule, its moving average and its learning rate."""
    settings = {key.removeprefix("trainer.optimizer."): value for key, value in values.items()}
    top = f"{TRAINING}.optimizer"
    rule = f"{top}.{next(field for field, name in OPTIMIZERS.items() if name == settings['name'])}"
    found: dict[str, Any] = {
        f"{rule}.learning_rate.{path}": value for path, value in rate_fields(settings, values["trainer.steps"]).items()
    }
    if settings["name"] != "adam":
        found[f"{rule}.momentum_optimizer_value"] = settings["momentum"]
    if settings["name"] == "rmsprop":
        found[f"{rule}.decay"] = settings["rho"]
    if settings["name"] != "sgd":
        found[f"{rule}.epsilon"] = settings["epsilon"] or 1e-7
    found[f"{top}.use_moving_average"] = settings["average"] is not None
    found[f"{top}.moving_average_decay"] = settings["average"] or 0.9999
    found["eval_config.use_moving_averages"] = settings["average"] is not None
    if settings["clip_norm"]:
        remarks.append(
            "gradient_clipping_by_norm: here of all gradients together, as the API with TensorFlow 2; "
            "with TensorFlow 1 of each."
        )
    return found


def rate_fields(settings: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return the fields of the learning rate, below `learning_rate`."""
    rate, schedule, warmup = settings["learning_rate"], settings["schedule"], settings["warmup_steps"]
    if schedule == "cosine":
        found = {"learning_rate_base": rate, "total_steps": settings["cosine_steps"] or steps, "warmup_steps": warmup}
        found |= {"warmup_learning_rate": settings["warmup_rate"], "hold_base_rate_steps": 0}
        return {f"cosine_decay_learning_rate.{name}": value for name, value in found.items()}
    if schedule in ("exponential", "step"):
        found = {
            "initial_learning_rate": rate,
            "decay_steps": settings["decay_steps"],
            "decay_factor": settings["decay"],
        }
        found |= {"staircase": schedule == "step", "burnin_steps": 0, "min_learning_rate": 0.0}
        return {f"exponential_decay_learning_rate.{name}": value for name, value in found.items()}
    if schedule == "constant" and not warmup:
        return {"constant_learning_rate.learning_rate": rate}
    rates = [{"step": step, "learning_rate": value} for step, value in settings["rates"]]
    found = {"initial_learning_rate": rate, "schedule": rates, "warmup": False}
    if warmup:
        if rates and rates[0]["step"] <= warmup:
            raise UserError(
                "A pipeline.config cannot change the rate during the warm-up.",
                "trainer.optimizer.rates",
                f"Begin after step {warmup}.",
            )
        found = {
            "initial_learning_rate": settings["warmup_rate"],
            "schedule": [{"step": warmup, "learning_rate": rate}, *rates],
            "warmup": True,
        }
    return {f"manual_step_learning_rate.{name}": value for name, value in found.items()}


def reader_fields(values: dict[str, Any], remarks: list[str]) -> dict[str, Any]:
    """Return the fields of the data; the API reads record files only."""
    training, evaluation = input_paths(str(values["data.path"]), values["data.format"])
    label_map = values.get("data.label_map") or f"{PLACEHOLDER}/label_map.pbtxt"
    if not training and PLACEHOLDER not in str(values["data.path"]):
        remarks.append(
            "The API reads TFRecord files with its own keys: `labline run` makes such of "
            f"`{values['data.path']}`, in the folder of its "
            "example_gen step, with the label map."
        )
    if PLACEHOLDER in str(values["data.path"]):
        training = evaluation = [str(values["data.path"])]
    found: dict[str, Any] = {"train_input_reader.shuffle": values["trainer.shuffle"]}
    for reader, files, name in (("train_input_reader", training, "train"), ("eval_input_reader", evaluation, "test")):
        found[f"{reader}.tf_record_input_reader.input_path"] = files or [f"{PLACEHOLDER}/{name}.record"]
        found[f"{reader}.label_map_path"] = str(label_map)
    return found


def text_of(fields: dict[str, Any], network: Network) -> str:
    """Write fields by path in text format, in the table's order."""
    places = {path: place for place, path in enumerate(network.fields)}
    tree: dict[str, Any] = {}
    for path in sorted(fields, key=lambda path: places[path]):
        if not chosen(path, fields, network):
            continue
        *sections, last = path.split(".")
        inner = tree
        for section in sections:
            inner = inner.setdefault(section, {})
        inner.setdefault(last, fields[path])
    return "\n".join(lines_of(tree, 0)) + "\n"


def chosen(path: str, fields: dict[str, Any], network: Network) -> bool:
    """Tell whether a constant belongs to the alternatives that are taken, such as the kind of learning rate."""
    parts = path.split(".")
    for depth in range(1, len(parts)):
        above, name = ".".join(parts[:depth]), parts[depth]
        choice = network.choices.get(above)
        if choice and len(choice.taken) > 1 and name in choice.taken:
            below = f"{above}.{name}."
            if not any(
                other.startswith(below) and (network.fields[other].key or ".initializer." in other) for other in fields
            ):
                return False
    return True


def lines_of(tree: dict[str, Any], depth: int) -> list[str]:
    """Write a message's fields, one a line."""
    lines, indent = [], "  " * depth
    for name, value in tree.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                lines += [f"{indent}{name} {{", *lines_of(item, depth + 1), f"{indent}}}"]
            else:
                lines.append(f"{indent}{name}: {scalar(item)}")
    return lines


def scalar(value: Any) -> str:
    """Write a value in text format."""
    if isinstance(value, Named):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return repr(value)
