"""`labline recipe`: what a run is made of."""

from __future__ import annotations

import json
import sys

import typer

from labline.cli.options import JsonOption, OverridesArgument, RecipeArgument

recipe_app = typer.Typer(no_args_is_help=True, help="Recipes: what a run is made of.")


@recipe_app.command("show")
def recipe_show(recipe: RecipeArgument, overrides: OverridesArgument = None, as_json: JsonOption = False) -> None:
    """Print every value of a recipe, its meaning and where it comes from."""
    from components.recipes import load, meanings
    from labline.cli.output import show_recipe

    resolved = load(recipe, overrides or ())
    if as_json:
        print(json.dumps({key: {"value": value, "origin": origin} for key, (value, origin) in resolved.values.items()}))
    else:
        show_recipe(resolved.values, meanings(resolved.recipe))
        for remark in resolved.idle:
            print(f"warning: {remark}", file=sys.stderr)


@recipe_app.command("list")
def recipe_list() -> None:
    """List the shipped recipes."""
    from pipeline.layers import RECIPES
    from pipeline.recipe import shipped

    for name in shipped():
        first = (RECIPES / f"{name}.yaml").read_text("utf-8").splitlines()[0]
        print(f"{name:24} {first.lstrip('# ')}")
