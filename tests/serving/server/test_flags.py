"""The command line of labline-model-server is tensorflow_model_server's; what it cannot do is named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline.errors import UsageError
from serving.server.flags import UNSUPPORTED, Flags, check_together, describe_unknown, read_flags, usage
from serving.server.server_config import make_config

# name -> default, from the list of flags that matter of the real server
REAL = {
    "port": 8500,
    "grpc_socket_path": "",
    "rest_api_port": 0,
    "rest_api_timeout_in_ms": 30000,
    "rest_api_enable_cors_support": False,
    "model_name": "default",
    "model_base_path": "",
    "model_config_file": "",
    "model_config_file_poll_wait_seconds": 0,
    "file_system_poll_wait_seconds": 1,
    "allow_version_labels_for_unavailable_models": False,
    "max_num_load_retries": 5,
    "load_retry_interval_micros": 60_000_000,
    "num_load_threads": 0,
    "num_unload_threads": 0,
    "enable_batching": False,
    "batching_parameters_file": "",
    "enable_per_model_batching_parameters": False,
    "enable_model_warmup": True,
    "num_request_iterations_for_warmup": 0,
    "monitoring_config_file": "",
    "ssl_config_file": "",
    "saved_model_tags": "serve",
    "tensorflow_session_parallelism": 0,
    "tensorflow_intra_op_parallelism": 0,
    "tensorflow_inter_op_parallelism": 0,
    "tensorflow_session_config_file": "",
    "per_process_gpu_memory_fraction": 0,
    "grpc_channel_arguments": "",
    "enable_grpc_healthcheck_service": False,
    "enable_signature_method_name_check": False,
    "enable_serialization_as_tensor_content": False,
    "flush_filesystem_caches": True,
    "xla_cpu_compilation_enabled": False,
    "xla_gpu_compilation_enabled": False,
    "mixed_precision": "",
    "version": False,
}
NEEDED = ["--model_base_path=/m"]


def test_every_flag_of_the_real_server_has_its_name_and_default() -> None:
    flags = read_flags([]).flags
    assert {name: getattr(flags, name) for name in REAL} == REAL
    assert flags.rest_api_num_threads == flags.grpc_max_threads and flags.rest_api_num_threads % 4 == 0


def test_nothing_but_this_machine_is_listened_to_by_default() -> None:
    assert read_flags([]).flags.bind_address == "127.0.0.1"


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--port=1234"], "port", 1234),
        (["--port", "1234"], "port", 1234),
        (["--port=1", "--port=2"], "port", 2),
        (["--rest_api_port=-1"], "rest_api_port", -1),
        (["--enable_batching"], "enable_batching", True),
        (["--enable_batching=TRUE"], "enable_batching", True),
        (["--enable_model_warmup=false"], "enable_model_warmup", False),
        (["--enable_model_warmup=0"], "enable_model_warmup", False),
        (["--model_name=a=b"], "model_name", "a=b"),
        (["--file_system_poll_wait_seconds=0.5"], "file_system_poll_wait_seconds", 0.5),
        (
            ["--grpc_channel_arguments=grpc.max_connection_age_ms=2000"],
            "grpc_channel_arguments",
            "grpc.max_connection_age_ms=2000",
        ),
    ],
)
def test_a_flag_is_read_in_every_way_of_writing_it(arguments: list[str], name: str, value: object) -> None:
    line = read_flags(arguments)
    assert getattr(line.flags, name) == value and not line.unknown and not line.unsupported


@pytest.mark.parametrize(
    "argument",
    [
        "--port=x",
        "--port=1.5",
        "--port=",
        "--enable_batching=maybe",
        "--max_num_load_retries=-1",
        "--mixed_precision=f8",
        "--per_process_gpu_memory_fraction=2",
        "--port",
    ],
)
def test_a_value_that_a_flag_cannot_have_ends_the_program(argument: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_flags([argument])
    assert argument.partition("=")[0] in caught.value.what and caught.value.fix


def test_an_unknown_argument_is_named_and_the_rest_counts() -> None:
    line = read_flags(["--rest_api_prot=5", "stray", "--model_name=m"])
    assert line.unknown == ("--rest_api_prot=5", "stray") and line.flags.model_name == "m"
    told = describe_unknown(line.unknown)
    assert "unknown argument: --rest_api_prot=5   Did you mean `--rest_api_port`?" in told and "stray" in told
    assert "Did you mean" not in describe_unknown(["--nonsense", "stray"]), "nothing is like these"


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_a_flag_that_only_the_real_server_has_is_named_where_it_asks_for_something(name: str) -> None:
    [sentence] = read_flags([f"--{name}=something"]).unsupported
    assert sentence.startswith(f"--{name} is not supported and has no effect: ")
    assert read_flags([f"--{name}=false"]).unsupported == ()
    assert name not in Flags.model_fields


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Neither --model_base_path nor --model_config_file"),
        ([*NEEDED, "--batching_parameters_file=/b"], "--batching_parameters_file is given without --enable_batching"),
        ([*NEEDED, "--enable_per_model_batching_parameters"], "without --enable_batching"),
        ([*NEEDED, "--rest_api_enable_tls"], "without --ssl_config_file"),
        (
            [*NEEDED, *(f"--tensorflow_{kind}_parallelism=1" for kind in ("session", "intra_op", "inter_op"))],
            "together",
        ),
        ([*NEEDED, "--port=70000"], "A port is a number"),
    ],
)
def test_flags_that_do_not_go_together_end_the_program(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_together(read_flags(arguments).flags)


def test_flags_that_go_together_pass() -> None:
    check_together(read_flags([*NEEDED, "--enable_batching", "--batching_parameters_file=/b"]).flags)
    check_together(read_flags(["--model_config_file=/c", "--tensorflow_session_parallelism=2"]).flags)


@pytest.mark.parametrize(
    ("arguments", "in_one_thread"),
    [
        ([], False),
        (["--enable_batching"], True),
        (["--enable_batching", "--tensorflow_intra_op_parallelism=1"], True),
        (["--enable_batching", "--tensorflow_inter_op_parallelism=2"], False),
        (["--enable_batching", "--tensorflow_session_parallelism=2"], False),
    ],
)
def test_a_batch_is_computed_in_one_thread_unless_a_flag_says_in_how_many(
    arguments: list[str], in_one_thread: bool
) -> None:
    plan = make_config(read_flags([*NEEDED, "--rest_api_port=0", *arguments]).flags)
    assert plan.load_options().batches_in_one_thread is in_one_thread


def test_the_usage_tells_every_flag_and_its_default() -> None:
    told = usage()
    for name in Flags.model_fields:
        assert f"--{name}=" in told
    assert all(f"--{name}" in told for name in UNSUPPORTED)


def test_the_usage_is_told_without_loading_tensorflow() -> None:
    code = "import sys; from serving.server.program import main\n"
    code += "assert main(['--help']) == 0 and main([]) == 2 and 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
