"""Run a pipeline: order, fingerprint, reuse or run, seal, report."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shlex
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.artifacts import Anomalies, Artifact, Blessing, Evaluation, Model, PushedModel
from pipeline.component import Context, Graph, Node, Wire, building
from pipeline.disk import replace_text
from pipeline.errors import EXIT_INTERNAL, DataStopped, UsageError, UserError, did_you_mean, explain_os_error
from pipeline.fingerprint import Fingerprint, differences, fingerprint
from pipeline.progress import Progress
from pipeline.recipe import Resolved
from pipeline.run_record import Run, Step, duration
from pipeline.workspace import Workspace

# the run's record, its artifacts (None where it did not come so far), the file, and where to say what went wrong
WriteReport = Callable[[dict[str, Any], dict[str, Artifact | None], Path, Progress], None]


class InternalError(UserError):
    """A step failed in a way that the user did not cause."""

    exit_status = EXIT_INTERNAL


class Runner:
    """Runs the pipeline of one recipe in one workspace.

    Args:
        fresh: names of components to run although their result is there.
        command: what the user typed, for the report.
        say_step: called before and after each step, for the screen.
        write_report: draws the run's page.
        until: name of the component to end after; empty: run all.
    """

    def __init__(
        self,
        resolved: Resolved,
        workspace: Workspace,
        progress: Progress,
        fresh: set[str] | None = None,
        command: str = "",
        say_step: Callable[[Step, int, int], None] = lambda step, number, total: None,
        write_report: WriteReport = lambda run, artifacts, target, progress: None,
        until: str = "",
    ) -> None:
        self.resolved, self.workspace, self.progress = resolved, workspace, progress
        self.store, self.say_step, self.fresh = workspace.store, say_step, fresh or set()
        self.write_report = write_report
        self.graph = self.build()
        self.wanted = self.nodes_until(until)
        self.outputs: dict[tuple[int, str], Artifact] = {}
        self.prepared = False
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
        served = resolved.recipe.serving.name
        self.task = resolved.task
        self.record = Run(name, resolved.recipe.name, served, started=time.time(), process=os.getpid(), command=command)
        self.record.values = {key: [value, origin] for key, (value, origin) in resolved.values.items()}
        self.folder = workspace.path / "runs" / name

    def build(self) -> Graph:
        """Build the graph; wiring errors appear here, before anything runs."""
        with building() as graph:
            self.resolved.pipeline(self.resolved.recipe)
        names = [node.spec.name for node in graph.nodes]
        for name in sorted(self.fresh - set(names)):
            raise UsageError(f"There is no component `{name}` in this pipeline.", "--fresh", did_you_mean(name, names))
        return graph

    def nodes_until(self, until: str) -> list[Node]:
        """Return the steps to be run, the last of which is `until`.

        Raises:
            UsageError: there is no such step, or one that is asked for afresh comes after it.
        """
        names = [node.spec.name for node in self.graph.nodes]
        if not until:
            return self.graph.nodes
        if until not in names:
            raise UsageError(
                f"There is no component `{until}` in this pipeline.", "--until", did_you_mean(until, names)
            )
        wanted = self.graph.nodes[: names.index(until) + 1]
        for name in sorted(self.fresh - set(names[: len(wanted)])):
            raise UsageError(f"`{name}` comes after `{until}` and would not run.", "--fresh, --until", "Leave out one.")
        return wanted

    def run(self) -> Run:
        """Run the steps.

        Raises:
            UserError: a step failed; what was sealed before it stays, and the run's record and report say so.
        """
        try:
            self.folder.mkdir(parents=True)
            self.store.begin_run(self.record.run, self.record.recipe, self.record.served, self.record.started)
            self.save()
            if self.task:
                self.task.prepare_process()
            for remark in self.resolved.idle:
                self.progress.say(f"warning: {remark}")
            for number, node in enumerate(self.wanted, 1):
                self.step(node, number)
            partial = len(self.wanted) < len(self.graph.nodes)
            self.record.status = "partial" if partial else "done"
            self.record.stopped_after = self.wanted[-1].spec.name if partial else ""
        except BaseException as error:
            mended = self.explain(error)
            self.record.status = "stopped" if isinstance(mended, DataStopped | KeyboardInterrupt) else "failed"
            self.record.error = str(mended)
            with contextlib.suppress(OSError, sqlite3.Error):  # a full disk must not hide the first error
                self.finish()
            if mended is error:
                raise
            raise mended from error
        self.finish()
        self.store.close()
        return self.record

    def finish(self) -> None:
        """Write the run's record and report."""
        self.record.seconds = round(time.time() - self.record.started, 3)
        self.record.report = str(self.folder / "report.html")
        self.save()
        self.report()

    def save(self) -> None:
        """Write the run's record."""
        self.workspace.save_run(asdict(self.record))

    def report(self) -> None:
        """Write the run's page from what is sealed so far."""
        artifacts: dict[str, Artifact | None] = {
            name: None for node in self.graph.nodes for name in node.spec.signature.outputs
        }
        lineage = []
        for node in self.graph.nodes:
            step = next((step for step in self.record.steps if step.component == node.spec.name), None)
            made = {
                name: self.outputs[id(node), name]
                for name in node.spec.signature.outputs
                if (id(node), name) in self.outputs
            }
            artifacts |= made
            if step and made:
                inputs = {name: found.digest for name, wire in node.inputs.items() if (found := self.resolve(wire))}
                digests = {name: artifact.digest for name, artifact in made.items()}
                lineage.append(
                    {"component": node.spec.name, "fingerprint": step.fingerprint, "inputs": inputs, "outputs": digests}
                )
        record = asdict(self.record) | {"lineage": lineage, "recipe_values": self.record.values}
        record["started"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(self.record.started))
        self.write_report(record, artifacts, self.folder / "report.html", self.progress)

    def step(self, node: Node, number: int) -> None:
        """Reuse a step's sealed result, or run it."""
        name, total = node.spec.name, len(self.graph.nodes)
        began = time.monotonic()
        value = ""  # the step fails without one when its sources cannot be read
        try:
            inputs = {parameter: self.resolve(wire) for parameter, wire in node.inputs.items()}
            digests = {parameter: artifact.digest if artifact else "" for parameter, artifact in inputs.items()}
            parts = fingerprint(node, digests, self.sections(node), self.store, self.progress, self.task)
            value = parts.value
            self.say_step(Step(name, "running", 0, value, ""), number, total)
            with self.workspace.lock(name, parts.value, self.say_waiting(name)):
                record, step = self.reuse_or_run(node, inputs, parts, began)
        except BaseException as error:
            step = Step(
                name,
                "stopped" if isinstance(error, KeyboardInterrupt) else "failed",
                round(time.monotonic() - began, 3),
                value,
                (str(self.explain(error)) or "interrupted").splitlines()[0],
            )
            self.record.steps.append(step)
            self.say_step(step, number, total)
            raise
        self.record.steps.append(step)
        self.accept(node, record, step)
        self.say_step(step, number, total)
        self.check(node)

    def say_waiting(self, name: str) -> Callable[[str], None]:
        """Tell the user that another run is doing this step."""
        return lambda process: self.progress.say(
            f"  {name}: another run{f' (process {process})' if process else ''} is doing this step; waiting for it"
        )

    def resolve(self, wire: Wire | None) -> Artifact | None:
        """Find the artifact at the end of a wire."""
        if wire is None:
            return None
        if wire.node is not None:
            return self.outputs.get((id(wire.node), wire.output))
        artifact = self.resolve(wire.of)
        if artifact is None:
            return None
        if wire.resolver == "earlier":
            found = self.store.earlier(wire.kind.type_name, artifact.digest, self.record.recipe)
        else:
            found = self.store.latest_blessed(artifact.digest, self.record.served)
        return wire.kind.open(found) if found else None

    def reuse_or_run(
        self, node: Node, inputs: dict[str, Artifact | None], parts: Fingerprint, began: float
    ) -> tuple[dict[str, Any], Step]:
        """Decide, with the step's lock held, whether its sealed result will do."""
        name = node.spec.name
        record = self.workspace.sealed(name, parts.value)
        wrong = self.workspace.damage(record) if record else ""
        if record and not wrong and name not in self.fresh and not node.spec.always:
            reason = f"saved {duration(record['seconds'])}"
            return record, Step(name, "reused", round(time.monotonic() - began, 3), parts.value, reason)
        if wrong:
            reason = f"the sealed result was damaged: {wrong}"
        elif record and name in self.fresh:
            reason = "asked by --fresh"
        elif record:
            reason = "runs every time"
        else:
            reason = self.why(node, parts)
        self.prepare(node)
        record = self.execute(node, inputs, parts, reason)
        return record, Step(name, "ran", round(record["seconds"], 3), parts.value, record["reason"])

    def prepare(self, node: Node) -> None:
        """Let the first step that runs, and those after it, find what they will read: what is missing is told now."""
        if self.prepared:
            return
        self.prepared = True
        for later in self.wanted[self.wanted.index(node) :]:
            if later.spec.prepare:
                later.spec.prepare(**later.settings, progress=self.progress)

    def why(self, node: Node, parts: Fingerprint) -> str:
        """Say what changed since the recipe's last run."""
        last = self.store.last_execution(node.spec.name, self.record.recipe)
        if last is None:
            return "first run"
        said = differences(last.parts, asdict(parts))
        made = ", ".join(said[:4]) + (f" and {len(said) - 4} more" if len(said) > 4 else "")
        return made or "the earlier result is gone"

    def sections(self, node: Node) -> dict[str, str]:
        """Return which section of the recipe each of a component's settings is."""
        places = {id(value): key for key, value in self.resolved.recipe}
        return {parameter: places.get(id(settings), parameter) for parameter, settings in node.settings.items()}

    def execute(
        self, node: Node, inputs: dict[str, Artifact | None], parts: Fingerprint, reason: str
    ) -> dict[str, Any]:
        """Run a component in a temporary folder and seal what it wrote."""
        signature, name = node.spec.signature, node.spec.name
        temporary = self.workspace.begin(name, parts.value)
        outputs = {parameter: kind.create(temporary / parameter) for parameter, kind in signature.outputs.items()}
        context, resumed = self.context(name, parts.value)
        if resumed:
            reason += "; resumed after an interruption"
        record: dict[str, Any] = {
            "component": name,
            "fingerprint": parts.value,
            "parts": asdict(parts),
            "recipe": self.record.recipe,
            "name": self.resolved.recipe.serving.name,
            "run": self.record.run,
            "started": time.time(),
            "reason": reason,
            "logs": str(context.logs.relative_to(self.workspace.path)),
            "inputs": {key: artifact.digest for key, artifact in inputs.items() if artifact},
            "outputs": {},
        }
        arguments: dict[str, Any] = {**inputs, **outputs, **node.settings}
        if signature.context:
            arguments[signature.context] = context
        node.spec.function(**arguments)
        record["seconds"] = time.time() - record["started"]
        return self.workspace.seal(temporary, record, outputs)

    def context(self, name: str, value: str) -> tuple[Context, bool]:
        """Make a component's context; say whether an interrupted run left something to resume from."""
        scratch = self.workspace.scratch(name, value)
        resumed = scratch.is_dir() and any(path.name != "logs" for path in scratch.iterdir())
        scratch.mkdir(parents=True, exist_ok=True)
        remembered = scratch / "logs"
        if not remembered.exists():
            replace_text(remembered, f"logs/{self.record.recipe}/{self.record.run}")
        logs = self.workspace.path / remembered.read_text("utf-8")
        return Context(self.workspace.path, self.record.run, self.record.recipe, scratch, logs, self.progress), resumed

    def accept(self, node: Node, record: dict[str, Any], step: Step) -> None:
        """Take a sealed result into the run: its artifacts, metrics, verdict and lineage."""
        folder = self.workspace.folder(node.spec.name, record["fingerprint"])
        number = self.store.record(record, folder)
        self.store.attribute(self.record.run, node.spec.name, number, step.status)
        for name, kind in node.spec.signature.outputs.items():
            artifact = kind.open(folder / name)
            self.outputs[id(node), name] = artifact
            self.record.artifacts[name] = str(artifact.path)
            if isinstance(artifact, Evaluation):
                self.record.metrics = artifact.facts.metrics
            if isinstance(artifact, Blessing):
                self.record.blessed, self.record.reasons = artifact.facts.blessed, artifact.facts.reasons
            if isinstance(artifact, Anomalies) and artifact.facts.warnings:
                self.record.warnings = artifact.facts.summary
            if isinstance(artifact, PushedModel) and (artifact.facts.pushed or artifact.facts.already):
                self.record.pushed = artifact.facts.model_dump(include={"name", "version", "path"})
                self.record.pushed["path"] = str(self.workspace.path / self.record.pushed["path"])
            if isinstance(artifact, Model):
                self.record.logs = str(self.workspace.path / record["logs"])
        self.save()

    def check(self, node: Node) -> None:
        """Stop where the data checks found what the recipe does not tolerate, also when their result was reused."""
        for name in node.spec.signature.outputs:
            artifact = self.outputs[id(node), name]
            if isinstance(artifact, Anomalies) and artifact.facts.errors:
                found = [item for item in artifact.read_json("anomalies.json") if item["severity"] == "error"]
                lines = [f"{item['name']}: {item['description']} {named(item)}".rstrip() for item in found[:5]]
                raise DataStopped(
                    "The data did not pass its checks:\n    " + "\n    ".join(lines),
                    str(self.folder / "report.html"),
                    "Mend the data, or tolerate it under `validation` in the recipe (`labline recipe show "
                    f"{self.recipe_named()}` lists the keys).",
                )

    def recipe_named(self) -> str:
        """Return how the user named the recipe."""
        words = shlex.split(self.record.command)
        return shlex.quote(words[2]) if len(words) > 2 else self.record.recipe

    def explain(self, error: BaseException) -> BaseException:
        """Turn any failure into one that says what, where and how; keep the traceback in the run's folder."""
        if isinstance(error, UserError | KeyboardInterrupt | SystemExit):
            return error
        trace = self.folder / "traceback.txt"
        with contextlib.suppress(OSError):
            trace.write_text("".join(traceback.format_exception(error)), "utf-8")
        if isinstance(error, OSError) and error.errno is not None:
            return explain_os_error(error)
        text = str(error)
        if any(sign in text for sign in ("No space left on device", "Disk quota exceeded", "disk is full")):
            return explain_os_error(OSError(errno.ENOSPC, "No space left on device"), self.workspace.path)
        if "readonly database" in text:
            return explain_os_error(OSError(errno.EROFS, "Read-only file system"), self.workspace.path)
        if isinstance(error, MemoryError):
            return UserError(
                "There is not enough memory.",
                fix="Lower trainer.batch_size or trainer.image_size, or close other programs.",
            )
        first = text.strip().splitlines()[0] if text.strip() else ""
        return InternalError(
            f"A step failed unexpectedly: {type(error).__name__}: {first}"[:500],
            str(trace),
            "Run again with --debug to see the traceback. What was finished is kept.",
        )


def named(finding: dict[str, Any]) -> str:
    """Name the first examples of a finding."""
    names = [name for example in finding["examples"] if (name := example.get("file") or example.get("split"))]
    more = f" and {finding['count'] - 3:,} more" if finding["count"] > 3 else ""
    return f"({', '.join(names[:3])}{more})" if names else ""


@contextlib.contextmanager
def quiet_output() -> Iterator[None]:
    """Send what libraries print on standard output to standard error, so that `--json` prints JSON and nothing else."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
