"""What the user reads on the screen: steps as they happen, results, runs, reasons and lineage."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.tasks import tasks
from components.tasks.task import PredictOptions
from pipeline.errors import UsageError, UserError, did_you_mean
from pipeline.figures import write_metric
from pipeline.fingerprint import shown
from pipeline.run_record import Run, Step, duration
from pipeline.workspace import Workspace

COLOURS = {"ran": "32", "reused": "36", "failed": "31", "stopped": "33", "running": "2"}

OPTIONS = {"out": "--out", "min_score": "--score", "settings": "KEY=VALUE"}
OTHERWISE = (
    "`--out` is for detectors and forecasters, `--score` for detectors, `data.KEY=VALUE` for forecasters; `--json` "
    "prints what any model answers."
)
NOT_BLESSED = "not blessed by the evaluator"  # the pusher's words, before the reasons that already stand above


def paint(text: str, status: str) -> str:
    """Colour a word where standard error is a terminal."""
    return f"\033[{COLOURS[status]}m{text}\033[0m" if sys.stderr.isatty() and status in COLOURS else text


def say_step(step: Step, number: int, total: int) -> None:
    """Print a step when it begins and when it ends."""
    head = f"{number:2}/{total} {step.component:18}"
    if step.status == "running":
        if sys.stderr.isatty():
            print(f"{head} ...", end="\r", file=sys.stderr, flush=True)
        return
    took = "" if step.status == "reused" else f"{duration(step.seconds):>8}"
    words = f"{paint(f'{step.status:6}', step.status)} {step.fingerprint[:6]} {took:8}"
    print(f"{head} {words} {step.reason}", file=sys.stderr, flush=True)


def show_result(result: Run, workspace: Path) -> None:
    """Print what came out of a run and what can be done with it."""
    print()
    show_metrics(result.metrics)
    show_warnings(result)
    show_verdict(result)
    name = (result.pushed or {}).get("name")
    place = "" if str(workspace) == "workspace" else f" --workspace {workspace}"
    if result.stopped_after:
        print(f"  ended after {result.stopped_after}, as asked; without --until the same command carries on from there")
    print(f"  report      {result.report}")
    if result.logs:
        print(f"  curves      labline tensorboard{place}")
    if name:
        print(f"  serve it    labline serve{place}")
        print(f"  ask it      labline predict {name} FILE{place}")
    print(f"  took {duration(result.seconds)}, run {result.run}")


def show_warnings(result: Run) -> None:
    """Say what the data checks found that did not stop the run."""
    from pipeline.artifacts import Anomalies

    if "anomalies" in result.artifacts:
        found = Anomalies.open(Path(result.artifacts["anomalies"])).facts
        if found.warnings:
            print(f"  data        {found.summary}")


def show_metrics(metrics: dict[str, float]) -> None:
    """Print the main figures, those of classes and slices aside."""
    for key, value in metrics.items():
        if key.count("/") == 1:
            print(f"  {key:28} {write_metric(value)}")


def show_verdict(result: Run) -> None:
    """Say whether the model was blessed and pushed, and why not."""
    from pipeline.artifacts import Blessing, PushedModel

    if "blessing" in result.artifacts:
        blessing = Blessing.open(Path(result.artifacts["blessing"]))
        print(f"  {'blessed' if result.blessed else 'NOT blessed'}")
        for reason in blessing.facts.reasons:
            print(f"    {reason}")
    if "pushed_model" in result.artifacts:
        pushed = PushedModel.open(Path(result.artifacts["pushed_model"])).facts
        if result.pushed:
            word = "pushed" if pushed.pushed else "already pushed"
            print(f"  {word}: {result.pushed['name']} version {result.pushed['version']}, {result.pushed['path']}")
            print(f"    {pushed.reason}")
        else:
            listed = result.blessed is False and pushed.reason.startswith(NOT_BLESSED)
            print(f"  not pushed: {NOT_BLESSED if listed else pushed.reason}")


def table(rows: list[list[str]], header: list[str]) -> None:
    """Print rows in columns as wide as they need."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_runs(records: list[dict[str, Any]]) -> None:
    """Print one line a run, which ends with what was set otherwise than for other runs of its recipe."""
    if not records:
        print("No runs yet.")
        return
    rows = []
    settings = distinct_settings(records)
    for record, setting in zip(records, settings, strict=True):
        ran = sum(step["status"] == "ran" for step in record["steps"])
        figure = primary_figure(record)
        pushed = f"version {record['pushed']['version']}" if record["pushed"] else ""
        blessed = {True: "blessed", False: "not blessed", None: ""}[record["blessed"]]
        rows.append(
            [
                record["run"],
                record["recipe"],
                f"{record['status']} (until {after})" if (after := record.get("stopped_after")) else record["status"],
                duration(record["seconds"]),
                f"{ran} of {len(record['steps'])} ran",
                figure,
                blessed,
                pushed,
                setting,
            ]
        )
    table(rows, ["run", "recipe", "status", "took", "steps", "metric", "verdict", "pushed", "set otherwise"])


def primary_figure(record: dict[str, Any]) -> str:
    """Return the figure that stands for a run, as its task says; empty where it has none yet."""
    primary = {task.primary_metric.name for task in tasks()}
    metrics = record["metrics"].items()
    found = (item for item in metrics if item[0].count("/") == 1 and item[0].partition("/")[2] in primary)
    return next((f"{key} {write_metric(value)}" for key, value in found), "")


def distinct_settings(records: list[dict[str, Any]]) -> list[str]:
    """Return for each run the `key=value` of its recipe file and command line that not every run of the recipe has."""
    told = []
    for record in records:
        given = {
            f"{key}={shown(value)}"
            for key, (value, origin) in record["values"].items()
            if origin not in ("default", "recipe name") and not origin.startswith("network ")
        }
        told.append((record["recipe"], given))
    common: dict[str, set[str]] = {}
    for recipe, given in told:
        common[recipe] = common.get(recipe, given) & given
    return [" ".join(sorted(given - common[recipe])) for recipe, given in told]


def find_run(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return the record of a run by its name or the beginning of it; the newest for an empty name."""
    records = workspace.runs()
    found = [record for record in records if record["run"].startswith(name)]
    if not found:
        names = [record["run"] for record in records]
        raise UserError(
            f"There is no run `{name}`." if names else "There are no runs yet.",
            str(workspace.path),
            did_you_mean(name, names[-10:]),
        )
    if name and len(found) > 1 and found[-1]["run"] != name:
        print(f"{len(found)} runs begin with `{name}`; this is the newest.", file=sys.stderr)
    return found[-1]


def show_run(record: dict[str, Any]) -> None:
    """Print a run in full."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record["started"]))
    print(
        f"run {record['run']}: recipe {record['recipe']}, {record['status']}, {when}, took "
        f"{duration(record['seconds'])}"
    )
    print(f"  {record['command']}\n")
    rows = [
        [step["component"], step["status"], duration(step["seconds"]), step["fingerprint"][:12], step["reason"]]
        for step in record["steps"]
    ]
    table(rows, ["component", "status", "took", "fingerprint", "reason"])
    print()
    show_metrics(record["metrics"])
    if record["blessed"] is not None:
        print(f"  {'blessed' if record['blessed'] else 'not blessed'}")
        for reason in record.get("reasons", []):
            print(f"    {reason}")
    if record["pushed"]:
        print(f"  pushed {record['pushed']['name']} version {record['pushed']['version']}: {record['pushed']['path']}")
    for name, path in record["artifacts"].items():
        print(f"  {name:14} {path}")
    for name in ("report", "logs"):
        if record[name]:
            print(f"  {name:14} {record[name]}")
    if record["error"]:
        print(f"\n{record['error']}")


def show_why(workspace: Workspace, run: str, component: str, as_json: bool) -> None:
    """Print why a component ran, and the five parts of its fingerprint."""
    record = find_run(workspace, run)
    step = next((step for step in record["steps"] if step["component"] == component), None)
    if step is None:
        raise UserError(
            f"Run {record['run']} has no step `{component}`.",
            fix=did_you_mean(component, [s["component"] for s in record["steps"]]),
        )
    sealed = workspace.sealed(component, step["fingerprint"])
    parts = sealed["parts"] if sealed else {}
    if as_json:
        print(json.dumps({**step, "run": record["run"], "parts": parts, "made_by": sealed["run"] if sealed else None}))
        return
    print(f"{step['status']} {component} in run {record['run']}: {step['reason']}")
    if sealed:
        print(f"  made by run {sealed['run']}: {sealed['reason']}")
    if parts:
        print("Its result depends on")
    for part, values in parts.items():
        print(f"  {part}")
        for key, value in values.items():
            if key != "files":
                print(f"    {key:48} {str(value)[:60]}")


def show_lineage(workspace: Workspace, name: str, as_json: bool) -> None:
    """Print the executions behind an artifact as a tree."""
    parts = name.rstrip("/").split("/")
    pushed = len(parts) == 2 and parts[1].isdigit()
    if pushed:
        name = workspace.store.pushed_digest(parts[0], int(parts[1])) or name
    known = name if len(name) >= 6 and not Path(name).exists() else str(Path(name).resolve())
    found = workspace.store.find_artifacts(known)
    if not found:
        raise UserError(
            f"Version {parts[1]} of `{parts[0]}` was not pushed from here."
            if pushed
            else f"No artifact is known by `{name}`.",
            str(workspace.path),
            "`labline show` lists a run's artifacts, what it pushed, and why not if it did not.",
        )
    kind, digest, uri = found[0]
    records = workspace.store.lineage(digest)
    if as_json:
        print(json.dumps({"type": kind, "digest": digest, "uri": uri, "executions": records}))
        return
    print(f"{kind} {digest[:12]}  {uri}")
    makers = {item["digest"]: record for record in records for item in record["outputs"].values()}
    data = {run["run"]: run["values"].get("data.path", [""])[0] for run in workspace.runs()}
    seen: set[str] = set()
    show_branch(makers, digest, 1, seen, data)


def show_branch(makers: dict[str, Any], digest: str, depth: int, seen: set[str], data: dict[str, str]) -> None:
    """Print who made an artifact and of what, down to the raw data; a branch that was shown is only named again.

    Args:
        data: where each run had its raw data.
    """
    record = makers.get(digest)
    if record is None:
        return
    indent = "  " * depth
    if record["fingerprint"] in seen:
        print(f"{indent}{record['component']} {record['fingerprint'][:6]} (above)")
        return
    seen.add(record["fingerprint"])
    print(
        f"{indent}{record['component']} {record['fingerprint'][:6]}, run {record['run']}, {duration(record['seconds'])}"
    )
    for parameter, item in record["inputs"].items():
        print(f"{indent}  {parameter}: {item['type']} {item['digest'][:12]}")
        show_branch(makers, item["digest"], depth + 2, seen, data)
    if source := record["source"]:
        place = f" of {data[record['run']]}" if data.get(record["run"]) else ""
        size = f"{source['count']:,} file{'s' * (source['count'] != 1)}, {source['bytes']:,} bytes"
        print(f"{indent}  raw data{place}: {size}, sha256 {source['digest'][:12]}")


def show_recipe(values: dict[str, tuple[Any, str]], meanings: dict[str, str]) -> None:
    """Print every value of a recipe with its origin and meaning."""
    rows = [[key, shown(value), origin, meanings.get(key, "")] for key, (value, origin) in values.items()]
    table(rows, ["key", "value", "origin", "meaning"])


def show_catalog(as_json: bool) -> None:
    """Print the data sets of the catalogue."""
    from data.catalog import entries

    found = entries()
    if as_json:
        print(json.dumps([entry.model_dump(mode="json") for entry in found]))
        return
    table(
        [[entry.name, entry.format, entry.licence, entry.description] for entry in found],
        ["name", "format", "licence", "description"],
    )


def show_predictions(
    name: str, files: list[Path], options: PredictOptions, url: str = "", token: str = "", label: str = ""
) -> None:
    """Ask a served model about files, as its task does, and print the answers.

    Args:
        token: bearer token, where the server wants one.
        label: of the version, instead of `options.version`.

    Raises:
        UserError: the model answers as none of the tasks does, or there is no such model, version or label.
        UsageError: an option is given that is for the models of another task.
    """
    from serving.client import connect
    from serving.client.not_found import explaining_not_found
    from serving.signatures import DEFAULT_SIGNATURE

    assert options.workspace is not None
    with (
        connect(url or server_of(options.workspace), token=token) as client,
        explaining_not_found(client, options.workspace, name, options.version, label),
    ):
        # what the workspace knows of the version that answers is found by its number, which after a rollback is not the
        # highest
        version = client.version_of(name, label) if options.version is None else options.version
        outputs = client.metadata(name, version).get(DEFAULT_SIGNATURE, {}).get("outputs", {})
        task = next((task for task in tasks() if task.served_output in outputs), None)
        if task is None:
            given = ", ".join(f"`{item}`" for item in outputs) or "nothing"
            raise UserError(
                f"Model `{name}` answers {given}: it is none of labline's tasks.",
                client.url,
                "Ask it with `serving.client.Client.predict`.",
            )
        place = options.workspace if not url or task.predict_reads_workspace else None
        wishes = [key for key in OPTIONS if getattr(options, key) is not None]
        if refused := [OPTIONS[key] for key in wishes if key not in task.predict_takes]:
            raise UsageError(f"Model `{name}` knows no {' and no '.join(refused)}.", ", ".join(refused), OTHERWISE)
        task.predict_command.predict(client, name, files, replace(options, version=version, workspace=place))


def server_of(workspace: Path) -> str:
    """Return the URL of a workspace's running server.

    Raises:
        UserError: none is running.
    """
    from serving.running import read_running

    running = read_running(workspace)
    if running is None:
        raise UserError(
            "No server of this workspace is running.",
            str(workspace.absolute()),
            "Start one with `labline serve`, or name one with --url.",
        )
    return running.url
