"""Networks by file name: each file holds `PRESET`, `Config` and `build(input_shape, outputs, config, pixels)`.

`PRESET` are the published training settings under the recipe's own keys, `Config` the network's own options
(`trainer.options`), and `build` returns a Keras model that takes raw pixels 0..255, float32 [n, H, W, C], and gives one
score per class. A file may also have `unfreeze(model, config)`, which `trainer.fine_tune` calls after its first phase.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pipeline.artifacts import Model
from pipeline.errors import UsageError, UserError, did_you_mean
from pipeline.settings import ModuleIn, Settings

if TYPE_CHECKING:
    import keras

OWN_NETWORK = "network.py"  # name in a Model artifact of the user's own network file


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of the training split's pixel values, as fractions of 255."""

    mean: float
    std: float
    channel_mean: tuple[float, ...]
    channel_std: tuple[float, ...]

    @classmethod
    def from_properties(cls, pixels: dict[str, Any]) -> PixelStatistics:
        """Read the `pixels` property of a Statistics artifact; a spread of 0 (all pixels alike) counts as 1."""
        return cls(
            mean=pixels["mean"],
            std=pixels["std"] or 1.0,
            channel_mean=tuple(pixels["channel_mean"]),
            channel_std=tuple(value or 1.0 for value in pixels["channel_std"]),
        )


def find_network(name: str) -> ModuleType:
    """Return the module of a shipped network or of the user's own `.py` file.

    Raises:
        UserError: there is no such network or file, or the file lacks `build` or `Config`.
    """
    if name.endswith(".py"):
        return load_own_network(Path(name))
    names = ModuleIn("components/networks").names()
    if name not in names:
        fix = did_you_mean(name, names) + " Or give the path of your own .py file."
        raise UsageError(f"There is no network `{name}`.", "trainer.network", fix)
    return importlib.import_module(f"components.networks.{name}")


def load_own_network(path: Path) -> ModuleType:
    """Import the user's network file.

    Raises:
        UserError: it is missing, cannot be imported, or lacks `build` or `Config`.
    """
    if not path.is_file():
        raise UserError(
            "The network's file does not exist.", str(path), "Give the path of a .py file in `trainer.network`."
        )
    name = f"own_network_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(
            f"The network's file cannot be imported: {type(error).__name__}: {error}.", str(path)
        ) from error
    for wanted in ("build", "Config"):
        if not hasattr(module, wanted):
            raise UserError(
                f"The network's file has no `{wanted}`.",
                str(path),
                "It needs `class Config(Settings)` and `def build(input_shape, outputs, config, pixels) -> keras.Model`; "
                "components/networks/cnn.py is a short example.",
            )
    return module


def preset(name: str) -> dict[str, dict[str, Any]]:
    """Return a network's published settings as nested recipe keys; none if its file has no `PRESET`."""
    return getattr(find_network(name), "PRESET", {})


def network_config(name: str, options: dict[str, Any]) -> Settings:
    """Return the network's own `Config`, made of `trainer.options`.

    Raises:
        ValidationError: an option is unknown or has a value that the network does not take.
    """
    return find_network(name).Config.model_validate(options)


def load_model(model: Model) -> keras.Model:
    """Return a trained model, ready to predict.

    A plain `keras.saving.load_model` does not know layers that a network's file defines; this imports that file first.
    """
    import keras

    own = model.file(OWN_NETWORK)
    module = find_network(str(own) if own.exists() else model.properties["network"])
    if hasattr(module, "register_layers"):
        module.register_layers()
    return keras.saving.load_model(model.file("model.keras"), compile=False)
