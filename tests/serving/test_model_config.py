"""models.config is read and written in TensorFlow Serving's format."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from serving.model_config import ModelConfig, drop_model, read_models, register_model, restore_model, take_snapshot

FULL = """
# commas, colons before braces and both kinds of quotes are legal
model_config_list: {
  config { name: 'a', base_path: "/models/a" model_platform: "tensorflow"
           model_version_policy: { latest { num_versions: 2 } } },
  config { name: "b" base_path: "/models/b" model_platform: "tensorflow"
           model_version_policy { specific { versions: 1 versions: 3 } }
           version_labels { key: "stable" value: 1 } }
  config { name: "c" base_path: "/models/c" model_platform: "tensorflow" model_version_policy { all {} } }
  config { name: "d" base_path: "/models/d" model_platform: "tensorflow" }
}
"""


def test_every_policy_and_label_is_read(tmp_path: Path) -> None:
    (tmp_path / "models.config").write_text(FULL)
    assert read_models(tmp_path / "models.config") == [
        ModelConfig("a", "/models/a", newest=2),
        ModelConfig("b", "/models/b", "specific", versions=(1, 3), labels={"stable": 1}),
        ModelConfig("c", "/models/c", "all"),
        ModelConfig("d", "/models/d"),
    ]


def test_a_folder_may_be_a_uri_and_the_platform_a_number_as_in_old_files(tmp_path: Path) -> None:
    entry = 'name: "a" base_path: "file:///models/a" model_type: TENSORFLOW'
    (tmp_path / "models.config").write_text(f"model_config_list {{ config {{ {entry} }} }}")
    assert read_models(tmp_path / "models.config") == [ModelConfig("a", "/models/a")]


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot read the models.config: Is a directory"):
        read_models(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_config_list {", "Error parsing text-format tensorflow.serving.ModelServerConfig"),
        ('model_config_list { config { name: "a" base_path: "a" model_platform: "tensorflow" } }', "absolute path"),
        (
            'model_config_list { config { name: "a" base_path: "gs://a" model_platform: "tensorflow" } }',
            "absolute path",
        ),
        ('model_config_list { config { name: "a" base_path: "/a" } }', "model_platform"),
        (
            'model_config_list { config { name: "a" base_path: "/a" model_platform: "tensorflow" '
            "model_type: TENSORFLOW } }",
            "both",
        ),
        ('model_config_list { config { name: "a" base_path: "/a" model_platform: "x" } }', "model_platform"),
        (
            'model_config_list { config { name: "a" base_path: "/a" model_platform: "tensorflow" } '
            'config { name: "a" base_path: "/b" model_platform: "tensorflow" } }',
            "multiple times",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "models.config").write_text(text)
    with pytest.raises(UserError, match=message):
        read_models(tmp_path / "models.config")


def test_a_model_is_added_beside_others_and_keeps_what_somebody_wrote_into_its_entry(tmp_path: Path) -> None:
    (tmp_path / "models.config").write_text(FULL)
    register_model(tmp_path, "new", newest=3)
    register_model(tmp_path, "b")
    models = {model.name: model for model in read_models(tmp_path / "models.config")}
    assert list(models) == ["a", "b", "c", "d", "new"]
    assert models["new"] == ModelConfig("new", str(tmp_path / "new"), newest=3)
    assert models["b"] == ModelConfig("b", str(tmp_path / "b"), "specific", versions=(1, 3), labels={"stable": 1})
    drop_model(tmp_path, "b")
    assert [model.name for model in read_models(tmp_path / "models.config")] == ["a", "c", "d", "new"]


def test_the_number_of_versions_follows_the_recipe_until_somebody_writes_a_policy(tmp_path: Path) -> None:
    def policy() -> tuple[str, int]:
        [model] = read_models(tmp_path / "models.config")
        return model.policy, model.newest

    file = register_model(tmp_path, "m", newest=1)
    register_model(tmp_path, "m", newest=3)
    assert policy() == ("latest", 3)
    register_model(tmp_path, "m")
    assert policy() == ("latest", 3), "nothing was said about versions"
    file.write_text(file.read_text().replace("num_versions: 3", "num_versions: 5"))
    register_model(tmp_path, "m", newest=2)
    assert policy() == ("latest", 5), "somebody wrote that"
    drop_model(tmp_path, "m")
    register_model(tmp_path, "m", newest=2)
    assert policy() == ("latest", 2)


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    register_model(tmp_path, "m")
    before = (tmp_path / "models.config").stat().st_ino
    register_model(tmp_path, "m")
    assert (tmp_path / "models.config").stat().st_ino == before


def test_two_processes_writing_at_once_lose_nothing(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from serving.model_config import register_model\n"
    code += "for number in range(15): register_model(Path(sys.argv[1]), f'{sys.argv[2]}{number}')"
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), letter]) for letter in "ab"]
    assert [process.wait() for process in running] == [0, 0]
    assert len(read_models(tmp_path / "models.config")) == 30


def test_logging_is_written_moved_and_taken_out(tmp_path: Path) -> None:
    served_models = tmp_path / "a" / "served_models"
    register_model(served_models, "m", log_rate=0.25)
    [model] = read_models(served_models / "models.config")
    assert (model.log_rate, model.log_prefix) == (0.25, str(tmp_path / "a" / "requests" / "m" / "requests"))
    moved = (tmp_path / "a").rename(tmp_path / "b") / "served_models"
    register_model(moved, "m")
    [model] = read_models(moved / "models.config")
    assert (model.log_rate, model.log_prefix) == (0.25, str(tmp_path / "b" / "requests" / "m" / "requests"))
    register_model(moved, "m", log_rate=0.0)
    assert "logging_config" not in (moved / "models.config").read_text()


def test_a_log_collector_written_by_hand_stays(tmp_path: Path) -> None:
    file = register_model(tmp_path, "m", log_rate=0.5)
    file.write_text(file.read_text().replace("/requests/m/requests", "/var/log/mine"))
    register_model(tmp_path, "m", log_rate=0.0)
    [model] = read_models(file)
    assert model.log_rate == 0.5 and model.log_prefix.endswith("/var/log/mine")


def test_first_workspaces_remembered_the_number_of_versions_only(tmp_path: Path) -> None:
    file = register_model(tmp_path, "m", newest=2)
    (tmp_path / ".policies.json").write_text('{"m": 2}')
    register_model(tmp_path, "m", newest=3)
    assert read_models(file)[0].newest == 3
    (tmp_path / ".policies.json").write_text("{half")
    register_model(tmp_path, "m", newest=4)
    assert read_models(file)[0].newest == 3, "what cannot be read is taken for the user's own"


def test_what_was_changed_can_be_put_back(tmp_path: Path) -> None:
    register_model(tmp_path, "other")
    nothing = take_snapshot(tmp_path, "m")
    register_model(tmp_path, "m", newest=2, log_rate=0.5)
    before, text = take_snapshot(tmp_path, "m"), (tmp_path / "models.config").read_text()
    register_model(tmp_path, "m", newest=5, log_rate=0.0)
    restore_model(tmp_path, "m", before)
    assert (tmp_path / "models.config").read_text() == text
    register_model(tmp_path, "m", newest=3)
    assert read_models(tmp_path / "models.config")[1].newest == 3, "still known as our own"
    restore_model(tmp_path, "m", nothing)
    assert [model.name for model in read_models(tmp_path / "models.config")] == ["other"]
