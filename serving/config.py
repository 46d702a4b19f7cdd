"""ServingConfig: under which name, where and by which server models are served."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipeline.settings import NotFingerprinted, Settings

Engine = Literal["auto", "tensorflow-serving", "docker", "embedded"]


class ServingConfig(Settings):
    """How the pushed model is served."""

    name: str = Field(
        "image_classification",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
        description="name that clients ask for; also a folder's",
    )
    versions: int = Field(1, gt=0, description="how many of the newest versions serve side by side")
    host: Annotated[str, NotFingerprinted()] = Field(
        "127.0.0.1", description="address to listen on; this machine only by default"
    )
    port: Annotated[int, NotFingerprinted()] = Field(8501, gt=0, lt=65536, description="port of the REST API")
    grpc_port: Annotated[int, NotFingerprinted()] = Field(
        8500, gt=0, lt=65536, description="port of TensorFlow Serving's gRPC API"
    )
    engine: Annotated[Engine, NotFingerprinted()] = Field(
        "auto",
        description="server: TensorFlow Serving's `binary`, its `docker` image, our `embedded` one, or the first of these there is",
    )
