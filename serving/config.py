"""ServingConfig: under which name models are served, and which server they are waited for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.settings import NotFingerprinted, Settings

Engine = Literal["auto", "tensorflow-serving", "docker", "embedded"]


class ServingConfig(Settings):
    """How the pushed model is served."""

    name: str = Field(
        "",
        pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]*)?$",
        description="name that clients ask for, also a folder's: English letters, digits, `_`, `.`, `-`; by default the recipe's name",
    )
    versions: int = Field(1, gt=0, description="how many of the newest versions serve side by side")
    url: Annotated[str | None, NotFingerprinted()] = Field(
        None,
        pattern=r"^https?://[^\s/]\S*$",
        description="REST address of a server of this workspace's served_models that `labline serve` did not start, "
        "such as http://serving:8501; a push waits until it serves the new version",
    )
