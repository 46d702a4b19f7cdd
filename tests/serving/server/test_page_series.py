"""A table that a person pastes into the page is read with exactly the settings of the model's own data."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from pipeline.errors import UserError
from pipeline.figures import write_figure, write_table
from serving.launch import Server
from serving.server.rest import page
from serving.server.rest.page_series import read_table, told

FACTS: dict[str, Any] = {
    "values": ["sales"],
    "covariates": [],
    "history": 3,
    "horizon": 2,
    "season": 7,
    "frequency": {"unit": "day", "count": 1},
    "reading": {
        "time_column": "day",
        "value_columns": ["sales"],
        "decimal": ",",
        "time_format": "%d.%m.%Y",
        "fill": "linear",
        "frequency": "1 day",
        "header_row": 4,
    },
}
TABLE = "day;sales\n01.02.2024;1.234,5\n02.02.2024;\n03.02.2024;1.236,5\n04.02.2024;9,5\n05.02.2024;\n"
FILES = Path(page.__file__).parent / "page_files"


def known(facts: dict[str, Any]) -> dict[str, Any]:
    """Leave out of facts what this version does not know."""
    from data.series.config import TableReadingConfig

    reading = {name: value for name, value in facts["reading"].items() if name in TableReadingConfig.model_fields}
    return {**facts, "reading": reading}


def test_a_table_is_read_with_the_settings_of_the_run_and_its_times_come_back_as_they_were_written() -> None:
    found = read_table(TABLE.encode(), known(FACTS), times_optional=False)
    assert found["history"] == [[1235.5], [1236.5], [9.5]]
    assert found["past"] == ["02.02.2024", "03.02.2024", "04.02.2024"]
    assert found["ahead"] == ["05.02.2024", "06.02.2024"]
    assert found["times"][-1] == 1707004800
    assert len(found["remarks"]) == 1 and "filled_value" in found["remarks"][0]


def test_rows_without_times_will_do_where_the_model_is_asked_without_them() -> None:
    table = b"sales\n1\n2\n3\n"
    with pytest.raises(UserError, match="no column `day`"):
        read_table(table, known(FACTS), times_optional=False)
    found = read_table(table, known(FACTS), times_optional=True)
    assert (found["history"], found["times"], found["ahead"]) == ([[1.0], [2.0], [3.0]], None, None)


def test_rows_of_several_series_are_refused_with_their_names() -> None:
    facts = known(FACTS)
    facts["reading"] = {**facts["reading"], "series_column": "shop"}
    rows = "".join(f"{shop};{day:02}.02.2024;1,5\n" for shop in ("north", "south") for day in range(1, 5))
    with pytest.raises(UserError, match=r"These rows are of 2 series \(north, south"):
        read_table(f"shop;day;sales\n{rows}".encode(), facts, times_optional=False)


def test_an_error_names_lines_and_what_can_be_done_on_the_page() -> None:
    with pytest.raises(UserError) as error:
        read_table(TABLE.replace("9,5", "many").encode(), known(FACTS), times_optional=False)
    text = told(error.value)
    assert "line 5: `many` in column `sales`" in text and "/tmp" not in text and "data." not in text
    assert "`labline predict` takes other settings of reading for a file" in text


def test_the_server_reads_a_table_for_the_version_that_is_asked(page_server: Server) -> None:
    where = f"{page_server.url}/labline/series"
    table = "Month,milk\n" + "".join(f"2024-{month:02},{month}\n" for month in range(1, 6))
    found = requests.post(where, table, params={"model": "milk it's", "version": "1"}, timeout=30).json()
    assert found["history"] == [[2.0], [3.0], [4.0], [5.0]] and found["ahead"] == ["2024-06", "2024-07", "2024-08"]
    refused = requests.post(where, "Month,milk\n2024-01,many\n", params={"model": "milk it's"}, timeout=30)
    assert refused.status_code == 400 and "`many` in column `milk`" in refused.json()["error"]
    for params in ({"model": "shapes"}, {"model": "unknown"}, {"model": "milk it's", "version": "9"}, {}):
        assert requests.post(where, table, params=params, timeout=30).status_code == 404, params


# ---- the page's own scripts

NODE = shutil.which("node")


def run_script(script: str) -> Any:
    if NODE is None:
        pytest.skip("Node.js is needed")
    command = [NODE, "--input-type=module", "-e", script]
    done = subprocess.run(command, cwd=FILES, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_page_writes_figures_as_the_command_line_does() -> None:
    drawn = random.Random(7)
    tables: list[list[list[float]]] = [[[12345.678, 12346.9]], [[0.000123, 0.5]], [[1234567.0]], [[0.0, -0.25]]]
    for _ in range(200):
        size, spread = 10 ** drawn.uniform(-5, 12), 10 ** drawn.uniform(-7, 0)
        tables.append([[size * (1 + spread * drawn.random()) for _ in range(3)] for _ in range(4)])
    script = f"""import {{ writeFigure, writeTable }} from "{FILES / "figures.js"}";
    const tables = {json.dumps(tables)};
    console.log(JSON.stringify([tables.map(writeTable), tables.flat(2).map((value) => writeFigure(value))]));"""
    written, singles = run_script(script)
    assert written == [write_table(table) for table in tables]
    assert singles == [write_figure(value) for table in tables for row in table for value in row]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (TABLE, "server"),
        ("1 2 3", "page"),
        ("day,sales\n2024-02-01T00:00:00,1\n2024-02-02T00:00:00,2\n2024-02-03T00:00:00,3", "page"),
        ("day,sales\n2024-02-01T00:00:00,1.234", "server"),
        ("day,sales\n01.02.2024,1\n02.02.2024,2", "server"),
    ],
)
def test_a_table_with_a_header_is_read_by_the_server_unless_the_page_wrote_it(text: str, where: str) -> None:
    facts = {**FACTS, "reading": {**FACTS["reading"], "decimal": "," if "1.234" in text else "."}}
    script = f"""import {{ FORMS }} from "{FILES / "questions.js"}";
    const asked = [];
    const found = {{ history: [[1]], times: null, past: null, ahead: ["x"] }};
    const atServer = async (text) => {{ asked.push(text); return found; }};
    const version = {{ series: {json.dumps(facts)} }};
    const signature = {{ inputs: {{ history: {{ shape: [null, null, 1] }} }} }};
    await FORMS.history.read({json.dumps(text)}, signature, version, "serving_default", atServer);
    console.log(JSON.stringify(asked.length));"""
    assert run_script(script) == (1 if where == "server" else 0)
