"""One self-contained page a run: what ran, what came out, how good it is, and how to serve, query and repeat it."""

from __future__ import annotations

import base64
import inspect
import shlex
from html import escape
from pathlib import Path
from typing import Any

from components.tasks import find_task
from components.tasks.task import Artifacts, ReportPart
from labline.report import charts, sections
from pipeline.artifacts import Artifact, Examples
from pipeline.disk import replace_text
from pipeline.errors import FactsError, UserError
from pipeline.figures import write_metric
from pipeline.pages.templates import page_templates
from pipeline.progress import Progress

TEMPLATES = Path(__file__).with_name("templates")
MOST_BYTES = 3_000_000  # of images, so that the page stays below 5 MB


def draw_report(run: dict[str, Any], artifacts: Artifacts, target: Path, progress: Progress) -> None:
    """Write a run's page, or in its place that it could not be drawn.

    The work is done and sealed, perhaps pushed, whatever becomes of the page.
    """
    try:
        write_report(run, artifacts, target)
    except Exception as error:
        if isinstance(error, OSError | UserError) and not isinstance(error, FactsError):
            raise
        progress.say(f"warning: the report could not be drawn, {type(error).__name__}: {error}")
        write_apology(error, target)


def write_report(run: dict[str, Any], artifacts: Artifacts, target: Path) -> None:
    """Write `target` from a run's record and the artifacts sealed so far, of which only JSON and images are read.

    Args:
        run: the run's record: `run`, `recipe`, `command`, `started`, `seconds`, `steps`, `metrics`, `blessed`,
            `pushed`, `recipe_values`, `lineage`, `error`, `logs`.
        artifacts: output name -> sealed artifact, or None where the run did not come so far.
        target: the HTML file.
    """
    images = InlineImages()
    found = find_task(task_of(run, artifacts))
    task = found.report
    own = Path(inspect.getfile(type(found))).parent
    environment = page_templates(TEMPLATES, own, TEMPLATES / "plain")
    environment.filters |= {"seconds": seconds, "span": span, "short": short, "metric": write_metric}
    environment.globals |= {
        "draw": charts,
        "curve_series": sections.curve_series,
        "step_series": sections.step_series,
    }
    page = environment.get_template("report.html").render(
        run=run,
        state=state_of(run),
        commands=commands(task, run, target),
        figures=task.figures(run, artifacts),
        verdict=sections.verdict(artifacts),
        data=task.data(artifacts, images.inline),
        findings=sections.findings(artifacts, images.inline),
        training=sections.training(task, run, artifacts, images.inline),
        evaluation=task.evaluation(artifacts, images.inline),
        served=sections.served(run, artifacts),
        lineage=run.get("lineage") or [],
        recipe=sections.recipe(run),
        left_out=images.left_out,
    )
    replace_text(target, page)


def write_apology(error: Exception, target: Path) -> None:
    """Write in the report's place that it could not be drawn, why, and where the figures are."""
    replace_text(
        target,
        "<!doctype html><meta charset=utf-8><title>No report</title>"
        f"<p>This run's report could not be drawn: {escape(f'{type(error).__name__}: {error}')}.</p>"
        "<p>The run itself is complete; its figures are in run.json beside this page. "
        "This is a defect of labline or of the task's own report: please report it.</p>",
    )


def task_of(run: dict[str, Any], artifacts: Artifacts) -> str:
    """Return the task of a run: its recipe's, or that of its examples."""
    examples = artifacts.get("examples")
    known = examples.task if isinstance(examples, Examples) else "image_classification"
    return str(value_of(run.get("recipe_values") or {}, "task", known))


class InlineImages:
    """Images as data addresses, until the page has its fill of them; the rest are counted."""

    def __init__(self) -> None:
        self.used = self.left_out = 0

    def inline(self, artifact: Artifact, name: str) -> str:
        """Return a PNG or JPEG of an artifact as a data address; empty if it is missing or too much."""
        path = artifact.file(name)
        if not path.is_file():
            return ""
        size = path.stat().st_size
        if self.used + size > MOST_BYTES:
            self.left_out += 1
            return ""
        self.used += size
        kind = "jpeg" if path.suffix == ".jpg" else "png"
        return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def state_of(run: dict[str, Any]) -> dict[str, str]:
    """Say in a word how the run ended, with the colour it is shown in."""
    if any(step.get("status") == "failed" for step in run.get("steps", [])):
        return {"word": "failed", "tone": "bad"}
    if run.get("error"):
        return {"word": "stopped", "tone": "bad"}
    if after := run.get("stopped_after"):
        return {"word": f"until {after}", "tone": "fair"}
    if run.get("blessed"):
        return {"word": "blessed", "tone": "good"}
    return (
        {"word": "not blessed", "tone": "fair"} if run.get("blessed") is False else {"word": "finished", "tone": "fair"}
    )


def commands(task: ReportPart, run: dict[str, Any], target: Path) -> dict[str, str]:
    """Return what to type to serve and query, where a version is there, and to look at and repeat the run."""
    values = run.get("recipe_values") or {}
    name = (run.get("pushed") or {}).get("name") or value_of(values, "serving.name", run["recipe"])
    server = value_of(values, "serving.url", None) or "http://127.0.0.1:8501"
    address = f"{server.rstrip('/')}/v1/models/{name}:predict"
    folder = target.resolve().parents[2] if target.parent.parent.name == "runs" else None
    workspace = f" --workspace {shlex.quote(str(folder))}" if folder else ""
    served = run.get("pushed") or (folder and any((folder / "served_models" / name).glob("[0-9]*")))
    asking = {"serve": f"labline serve{workspace}", **task.queries(name, address, workspace)}
    return {
        **(asking if served else {}),
        "tensorboard": f"labline tensorboard{workspace}",
        "reproduce": f"{run.get('command') or 'labline'}{workspace}",
    }


def value_of(values: dict[str, Any], key: str, default: Any) -> Any:
    """Return a recipe value without its origin."""
    return values[key][0] if key in values else default


def seconds(value: Any) -> str:
    """Write a duration."""
    value = float(value or 0)
    if value < 60:
        return f"{value:.1f} s" if value >= 0.05 else "0 s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def span(interval: Any, sign: str = "") -> str:
    """Write an interval; with the sign `+` that of a change."""
    return f"{interval[0]:{sign}.4f} – {interval[1]:{sign}.4f}" if interval else "–"


def short(digest: Any) -> str:
    """Return the first digits of a digest."""
    return str(digest or "")[:8]
