"""`labline data`: the catalogue, downloads, and a look at one's own data."""

from __future__ import annotations

from typing import Annotated

import typer

from labline.cli.options import JsonOption, OverridesArgument

data_app = typer.Typer(no_args_is_help=True, help="Data sets: the catalogue, downloads, and a look at your own.")


@data_app.command("list")
def data_list(as_json: JsonOption = False) -> None:
    """List the data sets of the catalogue."""
    from labline.cli.output import show_catalog

    show_catalog(as_json)


@data_app.command("get")
def data_get(name: Annotated[str, typer.Argument(help="A data set of the catalogue.")]) -> None:
    """Download a data set, verified, into LABLINE_DATA_DIR, and print where it is."""
    from data.catalog import get
    from pipeline.progress import Progress

    print(get(name, Progress()))


@data_app.command("formats")
def data_formats(
    task: Annotated[str, typer.Argument(help="The kind of problem; without it all of them.")] = "",
) -> None:
    """Show the layouts that raw data may have: formats, folders and names."""
    from labline.cli.data_formats import show_formats

    show_formats(task)


@data_app.command("check")
def data_check(
    path: Annotated[str, typer.Argument(help="Your data, or a data set of the catalogue.")],
    overrides: OverridesArgument = None,
    task: Annotated[str, typer.Option(help="The kind of problem; auto looks at the data.")] = "auto",
    as_json: JsonOption = False,
) -> None:
    """Look at raw data without changing them.

    Say what they are, which files or lines are no good, and whether a run would stop; if so, the status is a run's. A
    data set of the catalogue that is not here yet is fetched first.
    """
    from labline.cli.data_check import show_data_check

    raise typer.Exit(show_data_check(path, overrides or [], task, as_json))
