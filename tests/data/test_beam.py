"""Beam's runner and options come from the recipe; what Beam says in tracebacks reaches the user in a sentence."""

from __future__ import annotations

import pytest

from data.beam import explain_failure, find_runner, pipeline_options
from data.config import BeamConfig
from pipeline.errors import UserError
from pipeline.settings import NotFingerprinted, markers


def test_options_pass_through_unchanged() -> None:
    from apache_beam.options.pipeline_options import DirectOptions, SetupOptions

    options = pipeline_options(
        BeamConfig(
            options={"direct_num_workers": 2, "direct_running_mode": "multi_threading", "setup_file": "./setup.py"}
        )
    )
    assert options.view_as(DirectOptions).direct_num_workers == 2
    assert options.view_as(DirectOptions).direct_running_mode == "multi_threading"
    assert options.view_as(SetupOptions).setup_file == "./setup.py"


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        pipeline_options(BeamConfig(options={"direct_num_worker": 2}))
    assert "Did you mean `direct_num_workers`?" in caught.value.fix


def test_an_unknown_runner_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        find_runner(BeamConfig(runner="FlinkRuner"))
    assert "Did you mean `FlinkRunner`?" in caught.value.fix


def test_where_the_steps_run_is_not_part_of_a_fingerprint() -> None:
    assert set(markers(BeamConfig(), NotFingerprinted)) == set(BeamConfig.model_fields)


def test_failures_of_workers_are_explained() -> None:
    full = explain_failure(
        RuntimeError("Traceback ...\nOSError: [Errno 28] No space left on device: '/tmp/x' [while running 'ParDo']")
    )
    assert full is not None
    assert full.what == "The disk is full."
    wrong = explain_failure(
        RuntimeError("...\npipeline.errors.UserError: Bad file.\n  where: a/b.png\n  fix:   Get it again.\n\nmore")
    )
    assert wrong is not None
    assert (wrong.what, wrong.where, wrong.fix) == ("Bad file.", "a/b.png", "Get it again.")
    assert explain_failure(RuntimeError("ValueError: a bug")) is None
