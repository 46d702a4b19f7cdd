"""Session config: the TensorFlow ConfigProto that all models run with, made from the flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import text_format

from pipeline.errors import UserError
from serving.server.flags import Flags
from serving.server.models.saved_model import import_tensorflow


def make_session_config(flags: Flags) -> Any:
    """Return a ConfigProto.

    Raises:
        UserError: the file of the flags is not in the format.
    """
    config = import_tensorflow().compat.v1.ConfigProto()
    if flags.tensorflow_session_config_file:
        read(Path(flags.tensorflow_session_config_file), config)
    intra = flags.tensorflow_intra_op_parallelism or flags.tensorflow_session_parallelism
    inter = flags.tensorflow_inter_op_parallelism or flags.tensorflow_session_parallelism
    if intra:
        config.intra_op_parallelism_threads = intra
    if inter:
        config.inter_op_parallelism_threads = inter
    if flags.per_process_gpu_memory_fraction:
        config.gpu_options.per_process_gpu_memory_fraction = flags.per_process_gpu_memory_fraction
    if flags.mixed_precision == "bfloat16":
        rewrites = config.graph_options.rewrite_options
        rewrites.auto_mixed_precision_onednn_bfloat16 = rewrites.ON
    return config


def read(file: Path, config: Any) -> None:
    """Fill in a ConfigProto with what a file says."""
    try:
        text_format.Parse(file.read_text("utf-8"), config)
    except OSError as error:
        raise UserError(f"Cannot read the session's settings: {error.strerror}.", str(file)) from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"Error parsing text-format tensorflow.ConfigProto: {error}", str(file)) from None
