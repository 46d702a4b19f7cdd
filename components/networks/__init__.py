"""Networks by file name: each file holds `TASK`, `PRESET`, `Config` and `build`.

`TASK` is the kind of problem the network is for, `PRESET` are the published training settings under the recipe's own
keys, `Config` the network's own options (`trainer.options`). `build` returns a Keras model:

- image classification: `build(input_shape, outputs, config, pixels)` takes raw pixels 0..255, float32 [n, H, W, C], and
  gives one score per class. A file may also have `unfreeze(model, config)`, which `trainer.fine_tune` calls after its
  first phase.
- forecasting: `build(window, config, statistics)` takes a dictionary with `history`, float32 [n, H, V], and, if the
  network uses them, `time`, int64 [n] (unix seconds of the last history row, `UNKNOWN_TIME` where unknown) and
  `covariates`, float32 [n, H + P, K], all in the data's own units, and gives forecasts [n, P, V], or [n, P, V, 3]
  (forecast, lower, upper), or those of the M members of an ensemble, [n, M, P, V, 3].
- object detection: `ssd_config(config, classes, width, warm)` gives what `object_detection.families` builds the network
  from; there is no `build`.

A file with layers of its own has `register_layers()`, which is called before a saved model is loaded, and one whose
options name files has `prepare(config)`, which refuses those that are missing before a run begins.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from components.network_inputs import UNKNOWN_TIME as UNKNOWN_TIME
from components.network_inputs import PixelStatistics as PixelStatistics
from components.network_inputs import SeriesStatistics as SeriesStatistics
from components.network_inputs import WindowShape as WindowShape
from pipeline.artifacts import Model
from pipeline.errors import UsageError, UserError, did_you_mean
from pipeline.facts import Facts
from pipeline.settings import ModuleIn, Settings

if TYPE_CHECKING:
    import keras

OWN_NETWORK = "network.py"  # name in a Model artifact of the user's own network file


class NetworkFacts(Facts):
    """Of a model: the name of its network, or of its own file."""

    network: str


class NetworkFile:
    """A network's file: what must stand in it, and defaults for what may be left out; the rest is found by its name."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)

    @property
    def path(self) -> str:
        return str(self.module.__file__)

    @property
    def TASK(self) -> str:  # noqa: N802 (as it stands in the file)
        """The kind of problem it is for; empty where a user's own file does not say."""
        return str(getattr(self.module, "TASK", ""))

    @property
    def PRESET(self) -> dict[str, dict[str, Any]]:  # noqa: N802
        """Published settings as nested recipe keys."""
        return dict(getattr(self.module, "PRESET", {}))

    @property
    def Config(self) -> type[Settings]:  # noqa: N802
        """The network's own options."""
        config: type[Settings] = self.module.Config
        return config

    @property
    def has_frozen_body(self) -> bool:
        """Whether `unfreeze(network, config)` can make more of it trainable."""
        return hasattr(self.module, "unfreeze")

    @property
    def mines_negatives(self) -> bool:
        """Whether a detector's loss takes the hardest background anchors only."""
        return bool(getattr(self.module, "MINES_NEGATIVES", True))

    def register_layers(self) -> None:
        """Make layers of its own known to Keras; nothing where it has none."""
        if hasattr(self.module, "register_layers"):
            self.module.register_layers()

    def prepare(self, config: Settings) -> None:
        """Refuse files that its options name and that are not there; nothing where they name none."""
        if hasattr(self.module, "prepare"):
            self.module.prepare(config)


def find_network(name: str, task: str = "") -> NetworkFile:
    """Return the file of a shipped network or the user's own `.py` file.

    Args:
        task: the task it must be for; empty takes any.

    Raises:
        UserError: there is no such network or file, it is for another task, or the file lacks `build` or `Config`.
    """
    if name.endswith(".py"):
        module = load_own_network(Path(name).expanduser())
    elif name in ModuleIn("components/networks").names():
        module = importlib.import_module(f"components.networks.{name}")
    else:
        fix = did_you_mean(name, names(task)) + " Or give the path of your own .py file."
        raise UsageError(f"There is no network `{name}`.", "trainer.network", fix)
    file = NetworkFile(module)
    if task and file.TASK not in ("", task):
        raise UsageError(
            f"Network `{name}` is for {file.TASK}, not for {task}.",
            "trainer.network",
            did_you_mean(name, names(task)),
        )
    return file


def names(task: str = "") -> list[str]:
    """List the shipped networks, or those for one task."""
    found = ModuleIn("components/networks").names()
    return [name for name in found if task in ("", importlib.import_module(f"components.networks.{name}").TASK)]


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
                "It needs `class Config(Settings)` and `def build(...) -> keras.Model`; components/networks/cnn.py is "
                "a short example for pictures, lstm.py one for series.",
            )
    return module


def preset(name: str, task: str = "") -> dict[str, dict[str, Any]]:
    """Return a network's published settings as nested recipe keys; none if its file has no `PRESET`."""
    return find_network(name, task).PRESET


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
    find_network(str(own) if own.exists() else model.facts_as(NetworkFacts).network).register_layers()
    return keras.saving.load_model(model.file("model.keras"), compile=False)
