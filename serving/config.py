"""ServingConfig: under which name models are served, how, and which server they are waited for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.settings import NotFingerprinted, Settings

Engine = Literal["auto", "tensorflow-serving", "docker", "embedded"]


class BatchingConfig(Settings):
    """How small requests of many clients are merged into one call of the model, by a server started with batching."""

    enabled: bool | None = Field(
        None,
        description="merge them; by default where every input has one shape but for the number of rows: requests of "
        "different shapes that meet in a batch would be refused by TensorFlow Serving",
    )
    max_batch_size: int = Field(32, gt=0, description="most rows of one call of the model; larger requests are split")
    timeout_micros: int = Field(
        0,
        ge=0,
        description="how long a batch that is not full waits for more; on a GPU, or for throughput, try 1000 to 10000",
    )
    max_enqueued_batches: int = Field(
        100, gt=0, description="batches that may wait; requests beyond them are answered with 503"
    )
    allowed_batch_sizes: tuple[int, ...] = Field(
        (),
        description="sizes that batches are padded to, increasing up to `max_batch_size`; empty: every size, none "
        "padded",
    )


class ServingConfig(Settings):
    """How the pushed model is served."""

    name: str = Field(
        "",
        pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]*)?$",
        description="name that clients ask for, also a folder's: English letters, digits, `_`, `.`, `-`; by default "
        "the recipe's name",
    )
    versions: int = Field(1, gt=0, description="how many of the newest versions serve side by side")
    batching: BatchingConfig = Field(
        BatchingConfig(), description="how requests are merged, from the next pushed version on"
    )
    log_requests: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of the requests that the embedded server writes to requests/NAME in the workspace, for "
        "`labline monitor`; TensorFlow Serving's own binary cannot",
    )
    url: Annotated[str | None, NotFingerprinted()] = Field(
        None,
        pattern=r"^https?://[^\s/]\S*$",
        description="REST address of a server of this workspace's served_models that `labline serve` did not start, "
        "such as http://serving:8501; a push waits until it serves the new version",
    )
