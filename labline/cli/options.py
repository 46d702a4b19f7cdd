"""Options that commands share, and the workspace that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.errors import UserError

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        envvar="LABLINE_WORKSPACE",
        help="Folder of artifacts, runs, logs and served models.",
        callback=lambda path: path.expanduser(),
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on standard output.")]
RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a shipped recipe.")]
OverridesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Values over the recipe's, by its dotted keys.")
]
HERE = Path("workspace")


def existing(workspace: Path) -> Any:
    """Open a workspace that must be there."""
    from pipeline.workspace import Workspace

    if not (workspace / "artifacts").is_dir():
        raise UserError(
            "There is no workspace here.",
            str(workspace.absolute()),
            "Name one with --workspace or LABLINE_WORKSPACE; `labline run image_classification` makes the first.",
        )
    return Workspace(workspace, to_read=True)
