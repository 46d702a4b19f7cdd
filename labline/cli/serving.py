"""The command line of serving: start a server, ask it, load it, and choose the versions that serve."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from labline.cli.options import HERE, JsonOption, WorkspaceOption, existing
from pipeline.errors import UsageError, UserError

serving_app = typer.Typer()

SETTING = re.compile(r"[a-z_]+(\.[a-z_]+)+=")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The served model's name.")]
UrlOption = Annotated[str, typer.Option(help="The server; by default the one of this workspace.")]
TokenOption = Annotated[
    Path | None, typer.Option("--token-file", help="File of the bearer token, where the server wants one.")
]


@serving_app.command()
def serve(
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[-- FLAG...]", help="Flags of tensorflow_model_server, passed on.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    engine: Annotated[str, typer.Option(help="auto, tensorflow-serving, docker or embedded.")] = "auto",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="REST port; 0 takes a free one.")] = 8501,
    grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="gRPC port; 0 takes a free one.")] = 8500,
    batching: Annotated[
        bool, typer.Option(help="Merge small requests, where the recipe's serving.batching lets a model.")
    ] = True,
) -> None:
    """Serve every pushed model of the workspace, new versions as they come."""
    from pipeline.progress import Progress
    from serving.launch import serve as serve_workspace

    if wrong := [flag for flag in more or () if not flag.startswith("--")]:
        raise UsageError(f"`{wrong[0]}` is no flag.", "after --", "Flags of the server look like --name=value.")
    place = existing(workspace).path
    raise typer.Exit(serve_workspace(place, engine, host, port, Progress(), grpc_port, batching, more or ()))


@serving_app.command()
def predict(
    name: NameArgument,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|data.KEY=VALUE",
            help="Pictures, or files of series. These are read as the model's data were; settings such as "
            "data.decimal=, or data.fill=linear are for these files alone.",
        ),
    ],
    workspace: WorkspaceOption = HERE,
    url: Annotated[
        str, typer.Option(help="The server, http://... or grpc://...; by default the one of this workspace.")
    ] = "",
    version: Annotated[int, typer.Option(min=0, help="A version; the newest by default.")] = 0,
    label: Annotated[str, typer.Option(help="A version by its label, such as stable.")] = "",
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 3,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Of a detector: file, or folder for several, of copies with boxes. Of a forecaster: a CSV file."
        ),
    ] = None,
    score: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Least score of what a detector found; .5 by default.")
    ] = None,
    token_file: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a served model about pictures or series."""
    from components.tasks.task import PredictOptions
    from labline.cli.output import show_predictions

    if version and label:
        raise UsageError("A version and a label are given.", "--version, --label", "Give one of them.")
    token = read_token(token_file)
    named, settings = split_settings(files)
    options = PredictOptions(version or None, workspace, top, as_json, out, score, settings or None)
    show_predictions(name, named, options, url, token, label)


def split_settings(arguments: list[str]) -> tuple[list[Path], tuple[str, ...]]:
    """Return files, and settings such as `data.decimal=,`; a file that is there is a file, whatever its name.

    Raises:
        UsageError: there are settings alone.
    """
    settings = [item for item in arguments if SETTING.match(item) and not Path(item).exists()]
    files = [Path(item) for item in arguments if item not in settings]
    if not files:
        raise UsageError("There is no file among the arguments.", " ".join(settings), "Name a file before settings.")
    return files, tuple(settings)


@serving_app.command("bench-serve")
def bench_serve(
    name: NameArgument,
    workspace: WorkspaceOption = HERE,
    url: UrlOption = "",
    clients: Annotated[int, typer.Option(min=1, help="Clients; each sends its next request after an answer.")] = 16,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to measure, after 2 s that do not count.")] = 20.0,
    rows: Annotated[int, typer.Option(min=1, help="Examples in one request.")] = 1,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second of all clients; 0: as many as go.")] = 0.0,
    version: Annotated[int, typer.Option(min=0, help="A version; the newest by default.")] = 0,
    signature: Annotated[str, typer.Option(help="What to ask; the default signature if none is named.")] = "",
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="PICTURE", help="What to send; by default the model's warm-up examples."),
    ] = None,
    token_file: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how many requests a second a server answers, and how fast; the status is 1 if any failed."""
    from labline.cli.output import server_of
    from serving.bench import BenchOptions, bench

    options = BenchOptions(
        name,
        clients,
        seconds,
        rows,
        rate or None,
        version or None,
        signature,
        tuple(file or ()),
        read_token(token_file),
    )
    raise typer.Exit(bench(options, url or server_of(workspace), workspace, as_json))


@serving_app.command()
def rollback(
    name: NameArgument,
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="The one before by default; NEWEST ends a rollback.")
    ] = "",
    workspace: WorkspaceOption = HERE,
    url: UrlOption = "",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a running server has for each step.")] = 60.0,
    token_file: TokenOption = None,
) -> None:
    """Serve an earlier version, and nothing newer until the next push."""
    from serving.versions_command import rollback as roll_back

    print(roll_back(existing(workspace).path, name, version, url, timeout, read_token(token_file)))


@serving_app.command()
def promote(
    name: NameArgument,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="A pushed version.")],
    label: Annotated[str, typer.Option(help="The label, such as stable: clients ask for NAME/labels/LABEL.")],
    workspace: WorkspaceOption = HERE,
    url: UrlOption = "",
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a running server has for each step.")] = 60.0,
    token_file: TokenOption = None,
) -> None:
    """Let a label mean a version, which is served from then on."""
    from serving.versions_command import promote as give_label

    print(give_label(existing(workspace).path, name, label, version, url, timeout, read_token(token_file)))


def read_token(file: Path | None) -> str:
    """Return the token in a file; empty if none is named."""
    if file is None:
        return ""
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise UserError(f"The token cannot be read: {error.strerror}.", str(file)) from None
