"""Files from the network: resumed after an interruption, verified, complete or not there at all."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from data.downloadable import Downloadable, NotDownloaded, data_folder
from data.unpack import unpack
from pipeline.artifacts import hash_file
from pipeline.progress import Job, Progress

ATTEMPTS = 5  # per address, without progress between them
CHUNK = 1 << 18
TIMEOUT = (15, 60)  # seconds to connect, and between two bytes
PINS = "checksums.json"


class BadAnswer(Exception):
    """The server answered, but not with the file."""


class BusyServer(Exception):
    """The server answered that it may have the file later."""


class WrongChecksum(Exception):
    """The file is complete but is not the one that was expected."""


def download_all(entry: Downloadable, folder: Path, progress: Progress) -> None:
    """Download and unpack the files of a data set, or of a trained model.

    Raises:
        NotDownloaded: no address gave a file with the right checksum.
        UserError: an archive is not safe to unpack.
    """
    for file in entry.files:
        target = folder / file.name
        if not target.exists() and not (folder / f".{file.name}.unpacked").exists():
            expected = file.sha256 or read_pins().get(file.urls[0])
            found = download(file.urls, target, expected, progress)
            if file.sha256 is None and expected is None:
                pin(file.urls[0], found)
                progress.say(f"{file.name}: no checksum is published; remembered {found[:16]}... for the next time")
        if file.unpack and target.exists():
            unpack(target, folder, progress)
            (folder / f".{file.name}.unpacked").touch()
            target.unlink()
    for name in entry.unpack_inside:
        if (folder / name).exists():
            unpack(folder / name, (folder / name).parent, progress)
            (folder / name).unlink()


def download(urls: tuple[str, ...], target: Path, sha256: str | None, progress: Progress) -> str:
    """Download a file from the first address that gives it; an interrupted download is carried on.

    Args:
        urls: addresses of the same file.
        target: where it goes when it is complete and verified; until then `<name>.part` beside it.
        sha256: what it must be; None if that is not known.
        progress: where to tell how far it is.

    Returns:
        Its sha256.

    Raises:
        NotDownloaded: no address gave it.
    """
    reasons = []
    for url in urls:
        for _ in range(2):  # a wrong checksum may be the resumption's fault: once more from the start
            resumed = part_of(target).exists()
            try:
                fetch(url, target, progress)
                return verify(target, sha256)
            except WrongChecksum as error:
                reasons.append(str(error))
                if not resumed:
                    break
            except BadAnswer as error:
                reasons.append(str(error))
                break
    advice = "Check the network, or download the file elsewhere"
    if any("checksum" in reason for reason in reasons):
        advice = "The file was changed on the server or on its way. Get it elsewhere"
    raise NotDownloaded(f"{target.name} could not be downloaded: {reasons[-1]}.", urls[0], advice)


def fetch(url: str, target: Path, progress: Progress) -> None:
    """Bring the `.part` file to its full size through any number of interruptions, if only something comes each time.

    Raises:
        BadAnswer: the server has no such file, or nothing came several times in a row.
    """
    failures = 0
    with progress.job(f"downloading {target.name}") as job:
        while True:
            before = size_of(part_of(target))
            try:
                if fetch_rest(url, target, job):
                    return
                reason = "the connection closed early"
            except (
                BusyServer,
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
            ) as error:
                reason = reason_of(error, url)
            failures = failures + 1 if size_of(part_of(target)) <= before else 0
            if failures >= ATTEMPTS:
                raise BadAnswer(reason)
            time.sleep(min(0.2 * 2**failures, 5))


def reason_of(error: Exception, url: str) -> str:
    """Say why nothing came, without the library's nested names of classes."""
    host = urlsplit(url).hostname
    if isinstance(error, BusyServer):
        return str(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy on the way to {host} cannot be reached"
    if isinstance(error, requests.exceptions.SSLError):
        return f"the certificate of {host} is not accepted"
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(cause, NewConnectionError):
        return f"{host} cannot be reached"
    return f"the connection to {host} broke off"


def fetch_rest(url: str, target: Path, job: Job) -> bool:
    """Ask for the bytes that are missing and append them; tell whether the file is complete."""
    part, note = part_of(target), note_of(target)
    known = read_note(note, url)
    have = size_of(part) if known else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "labline"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": known["version"]}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416 and have:  # nothing lies behind what we have: complete, or another file
            if answer.headers.get("Content-Range", "").endswith(f"/{have}"):
                return True
            part.unlink()
            return False
        if answer.status_code in (429, 500, 502, 503, 504):
            raise BusyServer(f"the server says {answer.status_code} {answer.reason}")
        if answer.status_code not in (200, 206):
            raise BadAnswer(f"the server says {answer.status_code} {answer.reason}")
        start = continues_at(answer, have)
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        write_note(note, url, answer)
        job.total = total
        job(start - job.done)
        with part.open("ab" if start else "wb") as file:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                job(len(chunk))
    return total is None or size_of(part) == total


def continues_at(answer: requests.Response, have: int) -> int:
    """Return at which byte an answer starts: a server may ignore the range, or have a newer file."""
    if answer.status_code == 200:
        return 0
    expected = f"bytes {have}-"
    if not answer.headers.get("Content-Range", "").startswith(expected):
        raise BadAnswer(f"asked for {expected}, got {answer.headers.get('Content-Range')}")
    return have


def verify(target: Path, sha256: str | None) -> str:
    """Give the complete file its name if it is the right one; remove it if not."""
    part = part_of(target)
    found = hash_file(part)
    note_of(target).unlink(missing_ok=True)
    if sha256 and found != sha256:
        part.unlink()
        raise WrongChecksum(f"its checksum is {found}, not {sha256}")
    part.replace(target)
    return found


def part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def note_of(target: Path) -> Path:
    """Return where it is remembered which version of the file the `.part` file belongs to."""
    return target.with_name(target.name + ".part.json")


def read_note(note: Path, url: str) -> dict[str, str]:
    """Return the address and version of the `.part` file.

    Empty if it is of another address or cannot be resumed safely.
    """
    try:
        known = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if known.get("url") == url and known.get("version") else {}


def write_note(note: Path, url: str, answer: requests.Response) -> None:
    """Remember the version of the file; only a strong ETag or a date can be used to resume."""
    etag = answer.headers.get("ETag", "")
    version = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")
    note.write_text(json.dumps({"url": url, "version": version}), "utf-8")


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def read_pins() -> dict[str, str]:
    """Return the checksums of files that were once downloaded and for which none is published, by address."""
    path = data_folder() / PINS
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def pin(url: str, sha256: str) -> None:
    """Remember the checksum of a first download."""
    path = data_folder() / PINS
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({**read_pins(), url: sha256}, indent=1, sort_keys=True), "utf-8")
    part.replace(path)
