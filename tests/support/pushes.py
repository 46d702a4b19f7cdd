"""Pushes by hand: an artifact that looks like a SavedModel, and the pusher called on it as a function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.config import PusherConfig
from components.pusher import pusher
from pipeline.artifacts import Blessing, InfraBlessing, PushedModel, SavedModel, write_manifest
from pipeline.component import Context
from serving.config import ServingConfig

BLESSED = {"blessed": True}
INFRA = {"reason": "", "tolerance": 1e-5, "engine": "embedded", "max_difference": 0.0}


def make_saved_model(folder: Path, content: str) -> SavedModel:
    """Make an artifact with the files of a SavedModel; nothing here loads them."""
    saved_model = SavedModel.create(folder)
    (folder / "variables").mkdir()
    (folder / "saved_model.pb").write_text(content)
    (folder / "variables" / "variables.index").write_text("index")
    write_manifest(saved_model, 0.0)
    return saved_model


def push(
    workspace: Path,
    saved_model: SavedModel,
    blessed: Any = BLESSED,
    infra: Any = BLESSED,
    timeout: float = 120,
    **serving: Any,
) -> dict[str, Any]:
    context = Context.standalone(workspace)
    blessing, infra_blessing = Blessing(workspace, blessed), InfraBlessing(workspace, INFRA | infra)
    pushed = PushedModel.create(workspace / "pushed")
    pusher(
        saved_model=saved_model,
        blessing=blessing,
        infra_blessing=infra_blessing,
        pushed_model=pushed,
        config=PusherConfig(timeout=timeout),
        serving=ServingConfig(**{"name": "flowers"} | serving),
        context=context,
    )
    return pushed.properties


def versions(workspace: Path) -> list[str]:
    return sorted(
        path.name for path in (workspace / "served_models" / "flowers").iterdir() if not path.name.startswith(".lock")
    )


PUSH = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from pipeline.artifacts import Blessing, InfraBlessing, PushedModel, SavedModel
from pipeline.component import Context
from components.config import PusherConfig
from components.pusher import pusher
from serving.config import ServingConfig
workspace, model = Path(sys.argv[1]), SavedModel.open(Path(sys.argv[2]))
pushed = PushedModel.create(Path(sys.argv[2] + "-pushed"))
blessed = {"blessed": True}
proved = {"blessed": True, "reason": "", "tolerance": 1e-5, "engine": "embedded", "max_difference": 0.0}
pusher(model, Blessing(workspace, blessed), InfraBlessing(workspace, proved), pushed, PusherConfig(),
       ServingConfig(name="flowers"), Context.standalone(workspace))
assert "tensorflow" not in sys.modules and "numpy" not in sys.modules
print(pushed.properties["version"], pushed.properties["already"])
"""

# ends without any clean-up at the first rename of a version's folder: before it, or right after it
KILLED_PUSH = PUSH.replace(
    "workspace, model =",
    """import os
rename = Path.rename
def killed(path, target):
    if path.name.startswith(".tmp-"):
        sys.argv[3] == "after" and rename(path, target)
        os._exit(9)
    return rename(path, target)
Path.rename = killed
workspace, model =""",
)
