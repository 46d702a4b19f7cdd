"""Whatever recipe is written as a pipeline.config, the API's own reader takes it, and read back it says the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.recipes import load
from object_detection.pipeline_config.writing import pipeline_config
from tests.support.old_configs import values_of
from tests.support.old_protos import parse_as_the_api

SETTLED = (  # what a recipe leaves open, and a pipeline.config cannot
    "trainer.options.width",
    "trainer.options.momentum",
    "trainer.optimizer.epsilon",
    "trainer.optimizer.cosine_steps",
    "trainer.batch_norm",
    "trainer.warm_start_parts",
    "data.path",
    "data.format",
    "data.label_map",
)
RECIPES = {
    "object_detection": [],
    "detector": ["trainer.options.width=1.0"],
    "fpnlite": ["trainer.network=ssd_mobilenet_v2_fpnlite_320"],
}
STEPS = st.sampled_from([
    "horizontal_flip", "vertical_flip", "rotation90", "ssd_random_crop", "crop", "pad", "brightness", "contrast",
    "saturation", "hue", "grey", "pixel_scale", "{horizontal_flip: {probability: 0.25}}",
    "{crop: {min_object_covered: 0.0, max_aspect_ratio: 3.0, min_area: 0.75, random_coef: 0.15}}",
    "{brightness: {max_delta: 0.1255}}", "{hue: {max_delta: 0.5}}", "{pixel_scale: {minval: 0.6, maxval: 1.4}}",
])  # fmt: skip
RATES = st.one_of(
    st.just(["schedule=constant"]),
    st.integers(0, 500).map(lambda steps: ["schedule=cosine", f"warmup_steps={steps}"]),
    st.integers(1, 9999).map(lambda steps: ["schedule=exponential", "decay=0.95", f"decay_steps={steps}"]),
    st.integers(1, 9999).map(lambda steps: ["schedule=step", "decay=0.5", f"decay_steps={steps}"]),
    st.integers(10, 999).map(lambda step: ["schedule=manual", f"rates=[[{step}, 0.0001], [{2 * step}, 0.00001]]"]),
)
RULES = st.sampled_from([
    ["name=adam"], ["name=sgd", "momentum=0.9"], ["name=rmsprop", "momentum=0.9", "rho=0.8", "epsilon=1.0"],
    ["name=adam", "epsilon=0.001", "clip_norm=null"],
])  # fmt: skip


def overrides() -> st.SearchStrategy[list[str]]:
    """Return recipes' settings that a pipeline.config can say."""

    def listed(
        rule: list[str], rate: list[str], steps: list[str], others: tuple[int, int, float, int, str]
    ) -> list[str]:
        size, batch, weight, most, trained = others
        chosen = ["warmup_steps=0", *rule, *rate]
        return [
            *(f"trainer.optimizer.{item}" for item in chosen),
            f"trainer.augmentation=[{', '.join(steps)}]",
            f"trainer.options.size={size * 32}",
            f"trainer.batch_size={batch}",
            f"trainer.weight_decay={weight}",
            f"trainer.localization_weight={weight * 1000}",
            f"trainer.options.most={most}",
            f"trainer.trained={trained}",
        ]

    numbers = st.tuples(
        st.integers(2, 20),
        st.integers(1, 512),
        st.sampled_from([0.0, 4e-5, 1e-4, 0.001]),
        st.integers(1, 300),
        st.sampled_from(["all", "extras"]),
    )
    return st.builds(listed, RULES, RATES, st.lists(STEPS, max_size=4), numbers)


@pytest.mark.parametrize("name", RECIPES)
@settings(deadline=None, max_examples=25)
@given(given_values=overrides())
def test_a_recipe_comes_back_as_it_was(name: str, given_values: list[str]) -> None:
    recipe = name if name != "fpnlite" else "object_detection"
    values = {key: value for key, (value, _) in load(recipe, [*RECIPES[name], *given_values]).values.items()}
    text = pipeline_config(values, 3)
    parse_as_the_api(text)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.config"
        path.write_text(text, "utf-8")
        found = values_of(path)
    differs = {key: (values.get(key), value) for key, value in found.items() if not alike(values.get(key), value)}
    assert not {key: pair for key, pair in differs.items() if key not in SETTLED and not renamed(key, pair)}


@pytest.mark.parametrize("name", RECIPES)
def test_a_shipped_recipe_comes_back_as_it_was(name: str) -> None:
    test_a_recipe_comes_back_as_it_was.hypothesis.inner_test(name, [])


def alike(one: Any, other: Any) -> bool:
    """Tell whether two settings say the same: the protos keep seven digits."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, rel=1e-6)
    return bool(one == other)


def renamed(key: str, pair: tuple[Any, Any]) -> bool:
    """Tell whether a network comes back under the name of the one whose preset it is."""
    return key == "trainer.network" and pair == ("ssd_mobilenet_v1_025_160", "ssd_mobilenet_v1")


def test_settings_that_a_pipeline_config_has_no_word_for_are_told() -> None:
    given_values = ["trainer.early_stopping.patience=3", "trainer.keep=best"]
    values = {key: value for key, (value, _) in load("object_detection", given_values).values.items()}
    text = pipeline_config(values, 3)
    assert "# trainer.early_stopping: a pipeline.config has no word for it." in text
    assert "# trainer.keep: a pipeline.config has no word for it." in text
    parse_as_the_api(text)
