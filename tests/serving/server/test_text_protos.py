"""Batching, monitoring and TLS settings are read and written in TensorFlow Serving's text format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from serving.server_config_files import (
    BatchingParameters,
    MonitoringConfig,
    SSLConfig,
    read_batching,
    read_monitoring,
    read_ssl,
    write_batching,
    write_monitoring,
    write_ssl,
)

EVERY_FIELD = """
max_batch_size { value: 128 }   # scalars are wrapped
batch_timeout_micros: { value: 5000 },
max_enqueued_batches { value: 100 }
num_batch_threads { value: 8 }
thread_pool_name { value: 'batch' }
allowed_batch_sizes: 32
allowed_batch_sizes: 64
pad_variable_length_inputs: true
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 64 }
"""
KEY, CERTIFICATE = "-----BEGIN PRIVATE KEY-----\nabc\n", "-----BEGIN CERTIFICATE-----\nabc\n"


def write(folder: Path, text: str) -> Path:
    (folder / "file.pbtxt").write_text(text)
    return folder / "file.pbtxt"


def test_every_batching_parameter_is_read(tmp_path: Path) -> None:
    assert read_batching(write(tmp_path, EVERY_FIELD)) == BatchingParameters(
        128, 5000, 100, 8, "batch", (32, 64), True, True, 64
    )


def test_what_a_batching_file_leaves_out_has_the_default_of_tensorflow_serving(tmp_path: Path) -> None:
    parameters = read_batching(write(tmp_path, ""))
    assert (parameters.max_batch_size, parameters.batch_timeout_micros, parameters.max_enqueued_batches) == (
        1000,
        0,
        10,
    )
    assert parameters.threads >= 1 and parameters.execution_size == 1000


@pytest.mark.parametrize(
    "parameters",
    [
        BatchingParameters(),
        BatchingParameters(batch_timeout_micros=2000, allowed_batch_sizes=(1, 8, 1000)),
        BatchingParameters(64, 0, 5, 3, "pool", (8, 32), True, True, 32),
    ],
)
def test_batching_parameters_that_are_written_are_read_back(tmp_path: Path, parameters: BatchingParameters) -> None:
    write_batching(tmp_path / "file", parameters)
    assert read_batching(tmp_path / "file") == parameters


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: 128", "Error parsing text-format tensorflow.serving.BatchingParameters"),
        ("max_size { value: 1 }", "max_size"),
        ("max_batch_size { value: 0 }", "`max_batch_size` must be positive"),
        ("num_batch_threads { value: -1 }", "`num_batch_threads` must be positive"),
        ("batch_timeout_micros { value: -5 }", "`batch_timeout_micros` is -5"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: 8 allowed_batch_sizes: 4", "must increase"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: 4", "`max_batch_size` is 8"),
        (
            "max_batch_size { value: 8 } enable_large_batch_splitting { value: true } "
            "max_execution_batch_size { value: 4 } allowed_batch_sizes: 8",
            "`max_execution_batch_size` is 4",
        ),
        (
            "max_batch_size { value: 8 } enable_large_batch_splitting { value: true } "
            "max_execution_batch_size { value: 9 }",
            "larger than `max_batch_size`",
        ),
    ],
)
def test_batching_parameters_that_mean_nothing_are_refused(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(UserError, match=message) as caught:
        read_batching(file)
    assert str(file) in str(caught.value)


def test_batching_parameters_that_contradict_each_other_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be equal"):
        write_batching(tmp_path / "file", BatchingParameters(16, allowed_batch_sizes=(8,)))
    assert not (tmp_path / "file").exists()


def test_monitoring_is_off_unless_it_is_switched_on(tmp_path: Path) -> None:
    assert read_monitoring(write(tmp_path, "")) == MonitoringConfig(False, "/monitoring/prometheus/metrics")
    assert read_monitoring(write(tmp_path, 'prometheus_config { enable: true, path: "/m" }')).path == "/m"
    with pytest.raises(UserError, match="Start it with a slash: `/m`"):
        read_monitoring(write(tmp_path, 'prometheus_config { enable: true path: "m" }'))
    write_monitoring(tmp_path / "file", MonitoringConfig(True))
    assert read_monitoring(tmp_path / "file") == MonitoringConfig(True)


def test_a_key_is_written_for_its_owner_only(tmp_path: Path) -> None:
    config = SSLConfig(KEY, CERTIFICATE, CERTIFICATE, True)
    write_ssl(tmp_path / "ssl", config)
    assert read_ssl(tmp_path / "ssl") == config
    assert (tmp_path / "ssl").stat().st_mode & 0o777 == 0o600
    (tmp_path / "ssl").chmod(0o644)
    write_ssl(tmp_path / "ssl", config)
    assert (tmp_path / "ssl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server_key: '/etc/key.pem' server_cert: '/etc/cert.pem'", "`server_key` holds no PEM text"),
        (f"server_key: {KEY!r}", "`server_cert` holds no PEM text"),
        (f"server_key: {KEY!r} server_cert: {CERTIFICATE!r} client_verify: true", "no `custom_ca`"),
    ],
)
def test_an_incomplete_certificate_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_ssl(write(tmp_path, text))


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)No such file.*nowhere"):
        read_monitoring(tmp_path / "nowhere")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"(?s)MonitoringConfig.*bytes"):
        read_monitoring(tmp_path / "bytes")


def test_settings_are_read_without_loading_tensorflow(tmp_path: Path) -> None:
    file = write(tmp_path, EVERY_FIELD)
    code = "import sys; from pathlib import Path; from serving.server_config_files import read_batching\n"
    code += "read_batching(Path(sys.argv[1])); assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)
