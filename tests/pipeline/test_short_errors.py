"""What an error says can be read at a glance, and what is to be typed stands there whole."""

from __future__ import annotations

from pipeline.errors import UserError, did_you_mean


def test_long_cells_and_lists_of_names_are_cut_and_counted() -> None:
    error = UserError(
        f"The times such as `{'0 ' * 2000}` are no times.", "", did_you_mean("x", [f"pixel{n:03}" for n in range(784)])
    )
    assert len(str(error)) < 500
    assert "and 772 more" in error.fix and "`pixel000`" in error.fix


def test_settings_and_short_texts_stay_whole() -> None:
    setting = f"`data.split_folders='{{{', '.join(f'folder_{n}: train' for n in range(40))}}}'`"
    assert setting in UserError("What", "", f"Say it: {setting}.").fix
    names = ", ".join(f"`{n}`" for n in range(20)) + " are there." + " Words" * 100
    assert UserError("What", "", names).fix == names
