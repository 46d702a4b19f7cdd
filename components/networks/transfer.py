"""A MobileNet trained on ImageNet with a new head for your classes: first the head alone, then, finely, the whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from components.networks import PixelStatistics
from pipeline.errors import UserError
from pipeline.settings import Settings, SourceFile

if TYPE_CHECKING:
    import keras

TASK = "image_classification"
PRESET = {
    "trainer": {
        "image_size": [224, 224],
        "epochs": 10,
        "batch_size": 32,
        "loss": "cross_entropy",
        "optimizer": {"name": "adam", "learning_rate": 0.001},
        "fine_tune": {"epochs": 5, "learning_rate": 1e-5},
        "keep": "best",
    },
}


class Config(Settings):
    """Options of the network."""

    body: Literal["MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"] = Field(
        "MobileNetV2", description="the pre-trained network"
    )
    weights: Annotated[str, SourceFile()] = Field(
        "imagenet", description="`imagenet` (downloaded when first used), `none`, or a local .h5 file without the head"
    )
    width: float = Field(1.0, gt=0, description="factor on the body's filters; ImageNet weights exist for some only")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of the body's outputs dropped in training")
    flip: bool = Field(True, description="mirror every other picture, left to right")

    def find_weights(self) -> Path | None:
        """Return the local file of the body's weights; none if they are ImageNet's or none.

        Raises:
            UserError: it is missing.
        """
        if self.weights in ("imagenet", "none"):
            return None
        file = Path(self.weights)
        if not file.is_file():
            raise UserError(
                "The weights' file does not exist.",
                str(file),
                "Set `trainer.options.weights` to `imagenet`, `none` or a .h5 file.",
            )
        return file


def prepare(config: Config) -> None:
    """Refuse weights that are not there, before a run begins."""
    config.find_weights()


def build(input_shape: tuple[int, int, int], outputs: int, config: Config, pixels: PixelStatistics) -> keras.Model:
    """Return the model with its body frozen; grey images are given three equal channels."""
    import keras
    from keras import layers

    inputs = keras.Input(input_shape, name="pixels")
    values = inputs
    if input_shape[2] == 1:
        values = layers.Concatenate()([values, values, values])
    if config.flip:
        values = layers.RandomFlip("horizontal")(values)
    if config.body == "MobileNetV2":  # version 3 scales its inputs itself
        values = layers.Rescaling(1 / 127.5, -1.0)(values)
    body = make_body((*input_shape[:2], 3), config)
    body.trainable = config.weights == "none"  # nothing is learnt yet, so there is nothing to keep
    values = body(values, training=False if config.weights != "none" else None)  # batch statistics stay ImageNet's
    values = layers.GlobalAveragePooling2D()(values)
    values = layers.Dropout(config.dropout)(values)
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax", dtype="float32")(values), name="transfer")


def make_body(shape: tuple[int, int, int], config: Config) -> keras.Model:
    """Return the pre-trained network without its head.

    Raises:
        UserError: the weights cannot be downloaded or read.
    """
    import keras

    keywords = {"input_shape": shape, "alpha": config.width, "include_top": False}
    if config.body != "MobileNetV2":
        keywords["include_preprocessing"] = True
    body_class = getattr(keras.applications, config.body)
    if config.weights == "imagenet":
        try:
            return body_class(weights="imagenet", **keywords)
        except ValueError:
            raise
        except Exception as error:  # urllib's errors, and Keras' own plain Exception around them
            raise UserError(
                f"The ImageNet weights of {config.body} cannot be downloaded: {error}",
                "trainer.options.weights",
                "Connect to the internet once, or give a local .h5 file or `none`.",
            ) from error
    body = body_class(weights=None, **keywords)
    if file := config.find_weights():
        load_file(body, file)
    return body


def load_file(body: keras.Model, file: Path) -> None:
    """Read the body's weights from a local file."""
    try:
        body.load_weights(file)
    except (ValueError, OSError) as error:
        raise UserError(
            f"The weights do not fit the body: {error}", str(file), "Give the file without the head (`no_top`)."
        ) from error


def unfreeze(model: keras.Model, config: Config) -> None:
    """Make the body trainable; pre-trained batch normalisation keeps its statistics, as small data would ruin them."""
    from keras import Model, layers

    body = next(layer for layer in model.layers if isinstance(layer, Model))
    body.trainable = True
    for layer in body.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = config.weights == "none"
