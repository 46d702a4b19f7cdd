"""The command lines of the real TensorFlow Serving; no test can run Docker, so its files are compared with them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from pipeline.errors import UserError
from pipeline.settings import ROOT
from serving.config import Engine
from serving.server.flags import read_flags
from serving.server_config_files import METRICS_PATH
from serving.tensorflow_serving import IMAGE, Models, choose_engine, command

WORKSPACE = Path("/workspace/served_models")
MODELS = Models(
    WORKSPACE,
    config_file=WORKSPACE / "models.config",
    batching_file=WORKSPACE / "batching.config",
    monitoring_file=WORKSPACE / "monitoring.config",
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH to put programs into."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_the_installed_binary_is_preferred(path: Path) -> None:
    program(path, "tensorflow_model_server", "exit 0")
    assert choose_engine("auto") == ("tensorflow-serving", f"{path}/tensorflow_model_server is installed")


@pytest.mark.parametrize(
    ("script", "engine", "reason"),
    [
        ("exit 0", "docker", f"image {IMAGE} is there"),
        ("exit 1", "embedded", "no engine is running"),
        ('[ "$1" = version ]', "embedded", f"no image {IMAGE}"),
    ],
)
def test_docker_comes_next_if_its_image_is_there(path: Path, script: str, engine: str, reason: str) -> None:
    program(path, "docker", script)
    chosen, why = choose_engine("auto")
    assert chosen == engine
    assert reason in why


def test_the_embedded_server_is_the_last_choice_and_says_why(path: Path) -> None:
    assert choose_engine("auto") == ("embedded", "no tensorflow_model_server, and no Docker (not installed)")
    for wanted in ("tensorflow-serving", "docker"):
        with pytest.raises(UserError):
            choose_engine(wanted)
    with pytest.raises(UserError, match="no engine `tfs`") as caught:
        choose_engine("tfs")
    assert set(re.findall(r"`([a-z-]+)`", caught.value.fix)) == set(get_args(Engine))


def test_all_engines_are_given_the_same_flags() -> None:
    binary, docker, embedded = (
        command(engine, MODELS, "127.0.0.1", 8501) for engine in ("tensorflow-serving", "docker", "embedded")
    )
    common = {flag for flag in binary if flag.startswith("--")} - {"--port=8500", "--rest_api_port=8501"}
    assert "--model_config_file=/workspace/served_models/models.config" in common
    assert common <= set(docker) and common <= set(embedded)
    assert docker[docker.index("-v") + 1] == "/workspace/served_models:/workspace/served_models:ro"
    assert docker[docker.index("-p") + 1] == "127.0.0.1:8501:8501"
    assert docker.index(IMAGE) < docker.index("--model_config_file=/workspace/served_models/models.config")


def test_the_embedded_server_knows_every_flag_it_is_given() -> None:
    for models in (MODELS, Models(WORKSPACE, name="m", base_path=WORKSPACE / "m")):
        line = read_flags(command("embedded", models, "127.0.0.1", 8501)[3:])
        assert line.unknown == line.unsupported == ()
        assert (line.flags.num_load_threads, line.flags.port, line.flags.rest_api_port) == (2, 8500, 8501)
        assert line.flags.bind_address == "127.0.0.1"


def test_labels_batching_metrics_and_warm_up_work_from_the_start() -> None:
    flags = read_flags(command("embedded", MODELS, "127.0.0.1", 8501)[3:]).flags
    assert flags.allow_version_labels_for_unavailable_models and flags.enable_model_warmup
    assert flags.enable_batching and flags.enable_per_model_batching_parameters
    assert flags.batching_parameters_file == "/workspace/served_models/batching.config"
    assert flags.monitoring_config_file == "/workspace/served_models/monitoring.config"
    single = read_flags(command("embedded", Models(WORKSPACE, name="m", base_path=WORKSPACE), "::1", 0)[3:]).flags
    assert not single.enable_batching and not single.monitoring_config_file


def test_flags_of_the_users_own_come_last_and_count() -> None:
    for engine in ("tensorflow-serving", "docker", "embedded"):
        assert command(engine, MODELS, "127.0.0.1", 8501, 8500, ["--max_num_load_retries=9"])[-1].endswith("=9")
    line = command("embedded", MODELS, "127.0.0.1", 8501, 8500, ["--max_num_load_retries=9"])
    assert read_flags(line[3:]).flags.max_num_load_retries == 9


def test_docker_publishes_both_ports_on_the_host_only() -> None:
    line = command("docker", MODELS, "::1", 9501, 9500)
    assert [line[place + 1] for place, word in enumerate(line) if word == "-p"] == [
        "[::1]:9501:8501",
        "[::1]:9500:8500",
    ]


@pytest.fixture
def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return services


def test_compose_serves_the_workspace_as_labline_serve_does(compose: dict[str, Any]) -> None:
    serving = compose["services"]["serving"]
    assert serving["image"] == IMAGE
    docker = command("docker", MODELS, "127.0.0.1", 8501)
    assert serving["command"] == docker[docker.index(IMAGE) + 1 :]
    assert serving["ports"] == ["127.0.0.1:8501:8501", "127.0.0.1:8500:8500"]


@pytest.fixture
def kubernetes() -> dict[str, Any]:
    documents = yaml.safe_load_all((ROOT / "serving" / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents}


def test_kubernetes_serves_the_workspace_as_labline_serve_does(kubernetes: dict[str, Any]) -> None:
    pod = kubernetes["Deployment"]["spec"]["template"]
    [container] = pod["spec"]["containers"]
    docker = command("docker", MODELS, "127.0.0.1", 8501)
    assert container["args"] == docker[docker.index(IMAGE) + 1 :] and container["image"] == IMAGE
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {"grpc": 8500, "rest": 8501}
    [mount] = [mount for mount in container["volumeMounts"] if mount["name"] == "workspace"]
    assert mount == {"name": "workspace", "mountPath": "/workspace", "readOnly": True}
    claims = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod["spec"]["volumes"]]
    assert kubernetes["PersistentVolumeClaim"]["metadata"]["name"] in claims


def test_what_kubernetes_selects_is_there(kubernetes: dict[str, Any]) -> None:
    pod = kubernetes["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"]
    [container] = pod["spec"]["containers"]
    names = {port["name"] for port in container["ports"]}
    assert kubernetes["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert kubernetes["Service"]["spec"]["selector"] == labels
    assert kubernetes["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert {port["targetPort"] for port in kubernetes["Service"]["spec"]["ports"]} == names
    probes = {name: container[f"{name}Probe"] for name in ("startup", "readiness", "liveness")}
    assert all((probe.get("httpGet") or probe["tcpSocket"])["port"] in names for probe in probes.values())
    for name in ("readiness", "liveness"):
        assert probes[name]["httpGet"]["path"] == METRICS_PATH


def test_the_line_waits_for_the_server_that_compose_starts(compose: dict[str, Any]) -> None:
    [url] = [word.removeprefix("serving.url=") for word in compose["services"]["line"]["command"] if "url" in word]
    name, port = url.removeprefix("http://").split(":")
    assert f"127.0.0.1:8501:{port}" in compose["services"][name]["ports"]


def test_all_services_see_the_workspace_at_the_same_path(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "LABLINE_WORKSPACE=/workspace" in dockerfile
    for service in compose["services"].values():
        mounts = [volume.split(":")[:2] for volume in service["volumes"]]
        assert ["workspace", "/workspace"] in mounts
    assert set(compose["volumes"]) == {"workspace"}
    assert all(
        port.startswith("127.0.0.1:") for service in compose["services"].values() for port in service.get("ports", [])
    )


def install_flags(file: str) -> dict[str, str]:
    """Return the flags with a file of the one uv command that installs the dependencies."""
    [line] = [
        line for line in (ROOT / file).read_text().splitlines() if "uv pip install" in line and "--constraint" in line
    ]
    words = shlex.split(line.removesuffix("\\"))
    return {word: words[number + 1] for number, word in enumerate(words) if word in ("--constraint", "--override")}


def test_the_image_is_installed_as_bootstrap_installs() -> None:
    assert install_flags("Dockerfile") == install_flags("bootstrap.sh")
    assert install_flags("Dockerfile") == {"--constraint": "requirements.lock", "--override": "overrides.txt"}
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.11-slim$", dockerfile, re.MULTILINE)
    [uv] = re.findall(r"uv==(\S+)", dockerfile)
    assert f"uv=={uv}" in (ROOT / "bootstrap.sh").read_text()
    assert f"uv-{re.escape(uv)}-" in (ROOT / "bootstrap_uv.py").read_text()
    copied = [name for line in re.findall(r"^COPY (.+) \./$", dockerfile, re.MULTILINE) for name in line.split()]
    assert {"requirements.lock", "overrides.txt"} <= set(copied) and all((ROOT / name).exists() for name in copied)
