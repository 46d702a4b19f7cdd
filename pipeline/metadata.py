"""Lineage in SQLite: artifacts, executions, events and runs, in ML Metadata's concepts.

The sealed manifests are the truth; everything here but the cache of file hashes can be rebuilt from them.
ML Metadata itself took 11.2 s for 1,000 records and aborted concurrent writers; sqlite3 in WAL mode takes 0.055 s.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts import FORMAT, damage, digest_of, set_aside
from pipeline.errors import UserError, explain_os_error

TABLES = """
CREATE TABLE IF NOT EXISTS execution (
    id INTEGER PRIMARY KEY, component TEXT, fingerprint TEXT, recipe TEXT, run TEXT, started REAL, seconds REAL,
    parts TEXT, UNIQUE (component, fingerprint, run));
CREATE TABLE IF NOT EXISTS artifact (
    id INTEGER PRIMARY KEY, type TEXT, digest TEXT, uri TEXT, created REAL, properties TEXT, UNIQUE (uri, digest));
CREATE TABLE IF NOT EXISTS event (
    execution INTEGER REFERENCES execution, artifact INTEGER REFERENCES artifact, kind TEXT, parameter TEXT,
    UNIQUE (execution, kind, parameter));
CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, recipe TEXT, served TEXT, started REAL);
CREATE TABLE IF NOT EXISTS attribution (
    run TEXT, component TEXT, execution INTEGER, status TEXT, UNIQUE (run, component));
CREATE TABLE IF NOT EXISTS file_cache (
    kind TEXT, path TEXT, size INTEGER, modified INTEGER, inode INTEGER, value TEXT, PRIMARY KEY (kind, path));
CREATE INDEX IF NOT EXISTS execution_component ON execution (component, recipe);
CREATE INDEX IF NOT EXISTS artifact_digest ON artifact (digest);
"""


@dataclass(frozen=True)
class Execution:
    """One time a component really ran.

    Attributes:
        parts: the five parts of its fingerprint.
    """

    id: int
    component: str
    fingerprint: str
    recipe: str
    run: str
    started: float
    seconds: float
    parts: dict[str, Any]


class MetadataStore:
    """The database of a workspace.

    Args:
        to_read: only to be read, so that a folder will do where nothing can be written.

    Raises:
        UserError: it cannot be opened or written, or was written by a newer labline.
    """

    def __init__(self, path: Path, to_read: bool = False) -> None:
        self.path, self.root = path, path.parent  # folders are kept relative to it, so a workspace can be moved
        try:
            if to_read and cannot_write(path):
                self.database = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
                return
            self.database = sqlite3.connect(path, timeout=60, isolation_level=None)
            self.database.execute("PRAGMA journal_mode=WAL")
            self.database.execute("PRAGMA synchronous=NORMAL")
            version = self.database.execute("PRAGMA user_version").fetchone()[0]
            if version > FORMAT:
                raise UserError(
                    f"The metadata store was written by a newer labline (format {version}).",
                    str(path),
                    "Upgrade labline.",
                )
            if version < FORMAT:
                self.database.executescript(TABLES + f"PRAGMA user_version={FORMAT};")
        except sqlite3.OperationalError as error:
            raise UserError(
                f"The metadata store cannot be written: {error}.",
                str(path),
                "Give write permission and free disk space.",
            ) from None
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"The metadata store is damaged: {error}.",
                str(path),
                "Move it away: it is rebuilt from the artifacts' manifests.",
            ) from None

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def begin_run(self, run: str, recipe: str, served: str, started: float) -> None:
        """Record that a run started.

        Args:
            served: the name its model is served under.
        """
        self.database.execute("INSERT OR IGNORE INTO run VALUES (?, ?, ?, ?)", (run, recipe, served, started))

    def record(self, record: dict[str, Any], folder: Path) -> int:
        """Record a sealed execution from its `execution.json` and return its number; known ones keep theirs."""
        columns = ("component", "fingerprint", "recipe", "run", "started", "seconds")
        self.database.execute("BEGIN IMMEDIATE")
        try:
            self.database.execute(
                "INSERT OR IGNORE INTO execution (component, fingerprint, recipe, run, started, seconds, parts) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*(record[column] for column in columns), json.dumps(record["parts"], sort_keys=True)),
            )
            key = (record["component"], record["fingerprint"], record["run"])
            query = "SELECT id FROM execution WHERE component=? AND fingerprint=? AND run=?"
            number = int(self.database.execute(query, key).fetchone()[0])
            for parameter, item in record["inputs"].items():
                found = self.database.execute(
                    "SELECT id FROM artifact WHERE digest=? ORDER BY id DESC", (item,)
                ).fetchone()
                if found:
                    self.database.execute(
                        "INSERT OR IGNORE INTO event VALUES (?, ?, 'input', ?)", (number, found[0], parameter)
                    )
            for parameter, item in record["outputs"].items():
                uri = (folder / parameter).relative_to(self.root).as_posix()
                # a folder that was written anew keeps the row of what it held before: older lineage points there
                self.database.execute(
                    "INSERT OR IGNORE INTO artifact (type, digest, uri, created, properties) VALUES (?, ?, ?, ?, ?)",
                    (
                        item["type"],
                        item["digest"],
                        uri,
                        item["created"],
                        json.dumps(item["properties"], sort_keys=True),
                    ),
                )
                query = "SELECT id FROM artifact WHERE uri=? AND digest=?"
                found = self.database.execute(query, (uri, item["digest"])).fetchone()
                self.database.execute(
                    "INSERT OR IGNORE INTO event VALUES (?, ?, 'output', ?)", (number, found[0], parameter)
                )
            self.database.execute("COMMIT")
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        return number

    def execution_of(self, component: str, fingerprint: str) -> int | None:
        """Return the number of the newest execution of a component with a fingerprint."""
        query = "SELECT id FROM execution WHERE component=? AND fingerprint=? ORDER BY id DESC LIMIT 1"
        row = self.database.execute(query, (component, fingerprint)).fetchone()
        return int(row[0]) if row else None

    def pushed_digest(self, name: str, version: int) -> str:
        """Return the digest of the PushedModel artifact of a served version; empty if none is known."""
        query = (
            "SELECT digest FROM artifact WHERE type='PushedModel' AND json_extract(properties, '$.name')=? "
            "AND json_extract(properties, '$.version')=? ORDER BY created LIMIT 1"
        )
        row = self.database.execute(query, (name, version)).fetchone()
        return row[0] if row else ""

    def attribute(self, run: str, component: str, execution: int, status: str) -> None:
        """Record that a run used an execution, its own (`ran`) or an earlier one (`reused`)."""
        self.database.execute(
            "INSERT OR REPLACE INTO attribution VALUES (?, ?, ?, ?)", (run, component, execution, status)
        )

    def last_execution(self, component: str, recipe: str, before: float = float("inf")) -> Execution | None:
        """Return what the newest run of the recipe used of a component."""
        row = self.database.execute(
            "SELECT execution.* FROM attribution "
            "JOIN execution ON execution.id = attribution.execution JOIN run ON run.name = attribution.run "
            "WHERE attribution.component=? AND run.recipe=? AND run.started<? ORDER BY run.started DESC LIMIT 1",
            (component, recipe, before),
        ).fetchone()
        return Execution(row[0], row[1], row[2], row[3], row[4], row[5], row[6], json.loads(row[7])) if row else None

    def earlier(self, kind: str, digest: str, recipe: str) -> Path | None:
        """Return the newest artifact of a type and recipe that was sealed before the one with this digest.

        Those that are no longer in their place are passed over.
        """
        rows = self.database.execute(
            "SELECT artifact.uri, artifact.digest FROM artifact "
            "JOIN event ON event.artifact = artifact.id AND event.kind='output' "
            "JOIN execution ON execution.id = event.execution "
            "WHERE artifact.type=? AND artifact.digest<>? AND execution.recipe=? AND "
            "artifact.created < (SELECT MIN(created) FROM artifact WHERE type=? AND digest=?) "
            "ORDER BY artifact.created DESC",
            (kind, digest, recipe, kind, digest),
        )
        return self.first_present(rows)

    def latest_blessed(self, digest: str, name: str) -> Path | None:
        """Return the newest other model that was blessed under a name before this one was first judged.

        Those that are no longer in their place are passed over. Judged models keep the opponent they had, so repeating
        a run reuses its evaluation.
        """
        judged = (
            "SELECT blessing.created AS time, model.uri AS uri, model.digest AS digest, "
            "blessing.properties AS properties "
            "FROM artifact blessing JOIN event made ON made.artifact = blessing.id AND made.kind='output' "
            "JOIN execution ON execution.id = made.execution "
            "JOIN attribution ON attribution.execution = execution.id JOIN run ON run.name = attribution.run "
            "JOIN event used ON used.execution = execution.id AND used.kind='input' AND used.parameter='model' "
            "JOIN artifact model ON model.id = used.artifact WHERE blessing.type='Blessing' AND run.served=?"
        )
        rows = self.database.execute(
            f"SELECT uri, digest FROM ({judged}) WHERE digest<>? AND json_extract(properties, '$.blessed') AND "
            f"time < COALESCE((SELECT MIN(time) FROM ({judged}) WHERE digest=?), 1e99) ORDER BY time DESC",
            (name, digest, name, digest),
        )
        return self.first_present(rows)

    def is_blessed(self, digest: str) -> bool:
        """Say whether the model with this digest was blessed at any time."""
        query = (
            "SELECT 1 FROM artifact model "
            "JOIN event used ON used.artifact = model.id AND used.kind='input' AND used.parameter='model' "
            "JOIN event made ON made.execution = used.execution AND made.kind='output' "
            "JOIN artifact blessing ON blessing.id = made.artifact WHERE blessing.type='Blessing' AND model.digest=? "
            "AND json_extract(blessing.properties, '$.blessed') LIMIT 1"
        )
        return self.database.execute(query, (digest,)).fetchone() is not None

    def first_present(self, rows: Iterable[tuple[str, str]]) -> Path | None:
        """Return the folder of the first artifact that is where it was sealed, or set aside when its step ran again.

        Args:
            rows: URI and digest of each; another run of the same step may have put something else in its place.
        """
        for uri, digest in rows:
            folder = self.root / uri
            for place in (folder, set_aside(folder.parent) / folder.name):
                if digest_of(place) == digest and not damage(place):
                    return place
        return None

    def lineage(self, digest: str) -> list[dict[str, Any]]:
        """Return the executions that led to an artifact, newest first, with their inputs and outputs by digest."""
        found, seen, waiting = [], set(), [digest]
        while waiting:
            current = waiting.pop(0)
            rows = self.database.execute(
                "SELECT DISTINCT event.execution FROM event JOIN artifact ON artifact.id = event.artifact "
                "WHERE artifact.digest=? AND event.kind='output' ORDER BY event.execution DESC LIMIT 1",
                (current,),
            ).fetchall()
            for (number,) in rows:
                if number in seen:
                    continue
                seen.add(number)
                entry = self.execution_record(number)
                found.append(entry)
                waiting += [item["digest"] for item in entry["inputs"].values()]
        return found

    def execution_record(self, number: int) -> dict[str, Any]:
        """Return an execution with its artifacts."""
        row = self.database.execute(
            "SELECT component, fingerprint, run, started, seconds, json_extract(parts, '$.source') FROM "
            "execution WHERE id=?",
            (number,),
        ).fetchone()
        names = ("component", "fingerprint", "run", "started", "seconds")
        entry: dict[str, Any] = dict(zip(names, row, strict=False))
        entry["source"] = {key: value for key, value in json.loads(row[5] or "{}").items() if key != "files"}
        entry["inputs"], entry["outputs"] = {}, {}
        events = self.database.execute(
            "SELECT event.kind, event.parameter, artifact.type, artifact.digest, artifact.uri FROM event "
            "JOIN artifact ON artifact.id = event.artifact WHERE event.execution=?",
            (number,),
        )
        for kind, parameter, type_name, digest, uri in events:
            entry[f"{kind}s"][parameter] = {"type": type_name, "digest": digest, "uri": uri}
        return entry

    def find_artifacts(self, prefix: str) -> list[tuple[str, str, str]]:
        """Return (type, digest, uri) of the artifacts whose digest starts so, or whose folder is in or below this path.

        URIs are folders relative to the workspace.
        """
        prefix = prefix.removeprefix(f"{self.root}/")
        query = (
            "SELECT type, digest, uri FROM artifact WHERE digest LIKE ? || '%' OR uri = ? OR uri LIKE ? || '/%' "
            "ORDER BY created DESC"
        )
        return self.database.execute(query, (prefix, prefix, prefix)).fetchall()

    def known_hashes(self, paths: list[Path]) -> list[tuple[int, str] | None]:
        """Return (size, sha256) for each file that has not changed since it was hashed, else None."""
        query = "SELECT path, size, modified, inode, value FROM file_cache WHERE kind='sha256'"
        known: dict[str, Any] = {}
        if len(paths) > 100:
            known = {row[0]: row[1:] for row in self.database.execute(query)}
        found: list[tuple[int, str] | None] = []
        for path in paths:
            key = key_of(os.path.abspath(path))
            row = (
                known.get(key)
                if known
                else self.database.execute(query.replace("path, ", "", 1) + " AND path=?", (key,)).fetchone()
            )
            found.append((row[0], row[3]) if row and row[:3] == stamp(path) else None)
        return found

    def remember_hashes(self, hashes: dict[Path, tuple[tuple[int, int, int], str]]) -> None:
        """Keep the hashes of files together with the size, time and inode they had before they were read."""
        rows = [("sha256", key_of(os.path.abspath(path)), *before, digest) for path, (before, digest) in hashes.items()]
        self.database.execute("BEGIN IMMEDIATE")
        self.database.executemany("INSERT OR REPLACE INTO file_cache VALUES (?, ?, ?, ?, ?, ?)", rows)
        self.database.execute("COMMIT")

    def remember(self, kind: str, path: Path, compute: Callable[[Path], Any]) -> Any:
        """Return a JSON value computed from a file, from the cache if the file has not changed."""
        row = self.database.execute(
            "SELECT size, modified, inode, value FROM file_cache WHERE kind=? AND path=?", (kind, key_of(str(path)))
        ).fetchone()
        if row and row[:3] == stamp(path):
            return json.loads(row[3])
        before = stamp(path)
        try:
            value = compute(path)
        except OSError as error:
            raise explain_os_error(error, path) from None
        except SyntaxError as error:
            raise UserError(f"This file is not valid Python: {error.msg}.", f"{path}, line {error.lineno}") from None
        entry = (kind, key_of(str(path)), *before, json.dumps(value))
        self.database.execute("INSERT OR REPLACE INTO file_cache VALUES (?, ?, ?, ?, ?, ?)", entry)
        return value


def cannot_write(path: Path) -> bool:
    """Say whether a database lies where this process may not write."""
    return path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def key_of(path: str) -> str:
    """Return a path as text that a database takes, whatever bytes the disk has for it."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def stamp(path: Path) -> tuple[int, int, int]:
    """Return size, time of modification in ns and inode of a file; zeros where it cannot be asked."""
    try:
        status = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (status.st_size, status.st_mtime_ns, status.st_ino)
