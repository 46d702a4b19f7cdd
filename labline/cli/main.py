"""The command line: `labline run`, and what a user asks before and after it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from labline.cli.data import data_app
from labline.cli.options import HERE, JsonOption, OverridesArgument, RecipeArgument, WorkspaceOption, existing
from labline.cli.recipes import recipe_app
from labline.cli.serving import serving_app
from pipeline.errors import EXIT_INTERRUPTED, EXIT_USAGE, NotBlessed, UsageError, UserError

app = typer.Typer(
    name="labline",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From raw images and CSV series to served models, in one command.",
)
app.add_typer(recipe_app, name="recipe")
app.add_typer(data_app, name="data")
app.add_typer(serving_app)


def main() -> NoReturn:
    """Run the command line."""
    # by itself the library would end on Ctrl-C and on a closed pipe in its own way
    run_to_end(lambda: app(standalone_mode=False))


def run_to_end(command: Callable[[], int | None]) -> NoReturn:
    """Run a command and leave with its status; errors of the user's are printed, not traced."""
    prepare_process()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        status = command() or 0
        if status == EXIT_INTERRUPTED:  # the library turns Ctrl-C into a status
            raise KeyboardInterrupt
        sys.exit(status)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        # `labline runs | head` closes the pipe early, and that is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(0)
    except (KeyboardInterrupt, typer.Abort):
        print("\nStopped. The same command carries on where this one ended.", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if not hasattr(error, "show"):
            raise
        error.show()  # wrong usage, told by the library
        sys.exit(EXIT_USAGE)


def prepare_process() -> None:
    """Set what must be set before anything imports TensorFlow; a user's own choice stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # a remark of Google's client libraries, which Beam imports
    warnings.filterwarnings("ignore", message="You are using a Python version", category=FutureWarning)


@app.command()
def run(
    recipe: RecipeArgument,
    overrides: OverridesArgument = None,
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
    fresh: Annotated[
        list[str] | None,
        typer.Option("--fresh", metavar="COMPONENT", help="Run this step although its result is there."),
    ] = None,
    until: Annotated[
        str,
        typer.Option(
            "--until",
            metavar="COMPONENT",
            help="End after this step, such as example_validator; the same command without it carries on from there.",
        ),
    ] = "",
    require_blessing: Annotated[
        bool, typer.Option("--require-blessing", help="Exit with 4 if the model is not blessed.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.")] = False,
) -> None:
    """Run a recipe: from raw data to a pushed model. What is already done is not done again."""
    from components.recipes import load
    from labline.cli.output import say_step, show_result
    from labline.report.page import draw_report
    from pipeline.progress import Progress
    from pipeline.runner import Runner, quiet_output
    from pipeline.workspace import Workspace

    runner = None
    try:
        with quiet_output():
            resolved, command = (
                load(recipe, overrides or ()),
                shlex.join(["labline", "run", recipe, *(overrides or ())]),
            )
            runner = Runner(
                resolved, Workspace(workspace), Progress(), set(fresh or ()), command, say_step, draw_report, until
            )
            result = runner.run()
    except UserError as error:
        if debug:
            traceback.print_exception(error)
        if as_json:
            print(json.dumps(runner.record.summary() if runner else {"error": str(error)}))
        raise
    if as_json:
        print(json.dumps(result.summary()))
    else:
        show_result(result, workspace)
    if require_blessing and not result.blessed:
        ended = f" The run ended after `{result.stopped_after}`, as `--until` says." if result.stopped_after else ""
        raise NotBlessed(f"The model was not blessed.{ended}", result.report)


@app.command()
def runs(workspace: WorkspaceOption = HERE, as_json: JsonOption = False) -> None:
    """List the runs of a workspace."""
    from labline.cli.output import show_runs

    records = existing(workspace).runs()
    print(json.dumps(records)) if as_json else show_runs(records)


@app.command()
def show(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="A run's name or its beginning; the newest by default.")
    ] = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Show a run: its steps, metrics, verdict and where everything lies."""
    from labline.cli.output import find_run, show_run

    record = find_run(existing(workspace), run)
    print(json.dumps(record)) if as_json else show_run(record)


@app.command()
def why(
    component: Annotated[str, typer.Argument(help="A component, such as trainer.")],
    run: Annotated[str, typer.Option("--run", help="A run's name; the newest by default.")] = "",
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Say why a component ran or was reused, and all that its result depends on."""
    from labline.cli.output import show_why

    show_why(existing(workspace), run, component, as_json)


@app.command()
def lineage(
    artifact: Annotated[
        str,
        typer.Argument(help="An artifact's folder, the beginning of its digest, or NAME/VERSION of a pushed model."),
    ],
    workspace: WorkspaceOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Show what an artifact was made of, back to the raw data."""
    from labline.cli.output import show_lineage

    show_lineage(existing(workspace), artifact, as_json)


@app.command()
def report(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="A run's name or its beginning; the newest by default.")
    ] = "",
    workspace: WorkspaceOption = HERE,
) -> None:
    """Print where a run's report lies, and open it where there is a screen."""
    import webbrowser

    from labline.cli.output import find_run

    page = find_run(existing(workspace), run)["report"]
    print(page)
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(Path(page).as_uri())


@app.command()
def detect(
    images: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Picture files.")],
    model: Annotated[
        str,
        typer.Option(
            help="A trained model's name, a checkpoint, frozen graph, TFLite file or their folder, or a pushed "
            "model's folder."
        ),
    ] = "ssd_mobilenet_v1_coco",
    labels: Annotated[
        Path | None, typer.Option(help="Label map (.pbtxt) or a list of names (.txt); by default the model's own.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File, or folder for several, of the copies with boxes.")] = None,
    score: Annotated[float, typer.Option(min=0.0, max=1.0, help="Least score of what is shown.")] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Draw what an SSD-MobileNet sees in photos: a COCO model, or your own checkpoint."""
    from labline.cli.detect import detect as run_detect

    run_detect(images, model, labels, out, score, as_json)


@app.command()
def monitor(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The served model's name.")],
    workspace: WorkspaceOption = HERE,
    version: Annotated[int, typer.Option(min=0, help="A version; the newest that was asked by default.")] = 0,
    logs: Annotated[
        list[Path] | None, typer.Option(help="Log file or folder; the workspace's own by default. May be given often.")
    ] = None,
    spans: Annotated[int, typer.Option(min=1, help="Parts, in the order of time, that are compared to see drift.")] = 4,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Leave out what was asked before, such as 2025-03-31.")
    ] = "",
    most: Annotated[int, typer.Option(min=1, help="Requests looked at, evenly spread over all.")] = 10_000,
    categorical: Annotated[float, typer.Option(min=0, max=1, help="Limit for names: difference of a share.")] = 0.1,
    numeric: Annotated[float, typer.Option(min=0, max=1, help="Limit for numbers: Jensen-Shannon divergence.")] = 0.2,
    limit: Annotated[
        list[str] | None, typer.Option(metavar="FEATURE=LIMIT", help="Limit of a single feature. May be given often.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File of the page.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what clients send with what a model was trained on; the status is 3 if something is beyond its limit."""
    from labline.cli.monitor import monitor as run_monitor
    from serving.monitor.options import MonitorOptions, make_limits, read_time

    options = MonitorOptions(
        name,
        version,
        tuple(logs or ()),
        spans,
        read_time(since),
        most,
        make_limits(categorical, numeric, limit or []),
        out,
    )
    raise typer.Exit(run_monitor(existing(workspace), options, as_json))


@app.command()
def tensorboard(
    workspace: WorkspaceOption = HERE,
    port: Annotated[int, typer.Option(help="Port of the page.")] = 6006,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open TensorBoard on the logs of every run."""
    logs = existing(workspace).path / "logs"
    quiet = "ignore:pkg_resources is deprecated:UserWarning"
    command = [
        sys.executable,
        "-W",
        quiet,
        "-m",
        "tensorboard.main",
        "--logdir",
        str(logs),
        "--port",
        str(port),
        "--host",
        host,
    ]
    print(f"starting TensorBoard at http://{host}:{port}/ on {logs}; Ctrl-C ends it", file=sys.stderr, flush=True)
    os.execv(sys.executable, command)


@app.command()
def doctor(
    workspace: WorkspaceOption = HERE,
    verify: Annotated[bool, typer.Option("--verify", help="Also hash every sealed artifact.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check Python, packages, devices, disk, serving and the workspace; say how to mend what is wrong."""
    from labline.cli.doctor import examine, show_finding

    findings = []
    for finding in examine(workspace, verify):
        findings.append(finding)
        if not as_json:
            show_finding(finding)
    if as_json:
        print(json.dumps(findings))
    if any(finding["status"] == "bad" for finding in findings):
        raise typer.Exit(1)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    task: Annotated[
        str | None, typer.Option(help="The kind of problem; image_classification if you do not say.")
    ] = None,
    pipeline_config: Annotated[
        Path | None,
        typer.Option("--from-pipeline-config", help="An Object Detection API's pipeline.config to carry over."),
    ] = None,
) -> None:
    """Start a project: a recipe with every key explained, and a network of your own to change."""
    from labline.cli.new import create, create_from_pipeline_config

    if pipeline_config is None:
        create(folder, task or "image_classification")
        return
    if task not in (None, "object_detection"):
        raise UsageError("A pipeline.config is for object detection.", "--task", "Leave `--task` out.")
    create_from_pipeline_config(folder, pipeline_config)


@app.command("export-config")
def export_config(
    recipe: RecipeArgument,
    overrides: OverridesArgument = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Their number; by default the label map's.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; by default it is printed.")] = None,
) -> None:
    """Write an object detection recipe as a pipeline.config of the Object Detection API."""
    from labline.cli.export_config import export

    export(recipe, overrides or [], classes, out)


if __name__ == "__main__":
    main()
