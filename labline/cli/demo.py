"""`make run`: a recipe through the whole line, its model served, asked about a test example over REST, and stopped."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

from components.recipes import load
from components.tasks import find_task
from labline.cli.main import run_to_end
from labline.cli.output import say_step, show_result
from labline.report.page import draw_report
from pipeline.artifacts import Examples
from pipeline.progress import Progress
from pipeline.run_record import Run, duration
from pipeline.runner import Runner
from pipeline.workspace import Workspace
from serving.client import Client
from serving.launch import pushed_models, running_server


def demo(recipe: str, workspace: Path, overrides: list[str]) -> None:
    """Run, serve, ask, print, stop."""
    started = time.monotonic()
    resolved = load(recipe, overrides)
    result = Runner(
        resolved,
        Workspace(workspace),
        Progress(),
        command=shlex.join(["labline", "run", recipe, *overrides]),
        say_step=say_step,
        write_report=draw_report,
    ).run()
    show_result(result, workspace)
    ask(result, resolved.recipe.serving.name, workspace)
    print(f"\nall in {duration(time.monotonic() - started)}; the next `make run` reuses what is done")


def ask(result: Run, name: str, workspace: Path) -> None:
    """Serve what was pushed, ask about one test example and print the answer.

    Raises:
        UserError: no version of the model was ever pushed, because none was blessed.
    """
    examples = Examples.open(Path(result.artifacts["examples"]))
    part = find_task(examples.task).predict_command
    with (
        running_server(pushed_models(workspace), workspace / "logs" / "serving.log") as server,
        Client(server.url) as client,
    ):
        print(f"\nserving {name} at {server.url}, ", end="")
        part.demonstrate(client, name, examples, Path(result.report).parent)
    print("server stopped")


def main() -> None:
    """Run the demo from the command line: RECIPE [key=value ...]."""
    workspace = Path(os.environ.get("LABLINE_WORKSPACE") or "workspace").expanduser()
    run_to_end(lambda: demo(sys.argv[1] if len(sys.argv) > 1 else "digits", workspace, sys.argv[2:]))


if __name__ == "__main__":
    main()
