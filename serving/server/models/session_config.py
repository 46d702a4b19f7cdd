"""Session config: the TensorFlow ConfigProto that all models run with, made from the flags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from serving.server.flags import Flags


def make_session_config(flags: Flags) -> Any:
    """Return a ConfigProto; TensorFlow must have been imported.

    Raises:
        UserError: the file of the flags is not in the format.
    """
    from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2

    config = read(Path(flags.tensorflow_session_config_file)) if flags.tensorflow_session_config_file else None
    config = config_pb2.ConfigProto() if config is None else config
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
        rewrites.auto_mixed_precision_onednn_bfloat16 = rewriter_config_pb2.RewriterConfig.ON
    return config


def read(file: Path) -> Any:
    from google.protobuf import text_format
    from tensorflow.core.protobuf import config_pb2

    try:
        return text_format.Parse(file.read_text("utf-8"), config_pb2.ConfigProto())
    except OSError as error:
        raise UserError(f"Cannot read the session's settings: {error.strerror}.", str(file)) from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"Error parsing text-format tensorflow.ConfigProto: {error}", str(file)) from None
