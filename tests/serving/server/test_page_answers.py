"""The page at `/`: what a person gives a model, and what the page makes of the answer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.page_models import image
from tests.support.page_visits import ANSWERED, Visit, ask, give

TABLE = "Month,milk\n" + "".join(
    f"2024-{month:02},{value}\n" for month, value in zip(range(1, 6), (9, 1, 2, 3, 4), strict=True)
)

pytestmark = pytest.mark.slow  # a minute in a browser; what the page is made of is tested beside it


def test_a_chosen_picture_is_answered_with_its_classes_as_bars(visit: Visit) -> None:
    page = visit("shapes")
    give(page, image((20, 10)))
    assert page.inner_text(".verdict") == "tall 90.0 %"
    assert [" ".join(row.split()) for row in page.locator(".bars tr").all_inner_texts()] == [
        "tall 90.0 %",
        "wide 5.0 %",
        "<b>square</b> 5.0 %",
    ]
    bars = page.locator(".bars i").evaluate_all("all => all.map(bar => bar.getBoundingClientRect().width)")
    assert bars[0] > 15 * bars[1]


@pytest.mark.parametrize("width", [380, 1280])
def test_a_bar_is_as_long_as_its_share_of_the_space_up_to_the_figures(visit: Visit, width: int) -> None:
    page = visit("shapes", viewport={"width": width, "height": 800})
    give(page, image((20, 10)))
    measure = """bar => {
        const words = document.createRange();
        words.selectNodeContents(bar.parentElement.nextElementSibling);
        const [own, figure] = [bar.getBoundingClientRect(), words.getBoundingClientRect()];
        return own.width / (figure.left - 12 - own.left);
    }"""
    assert page.locator(".bars i").first.evaluate(measure) == pytest.approx(0.9, abs=0.01)


def test_a_picture_can_be_dropped(visit: Visit) -> None:
    page = visit("shapes")
    drop = """content => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(content)], "dropped.png", { type: "image/png" }));
        document.getElementById("drop").dispatchEvent(
            new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, list(image((10, 20))))
    page.wait_for_selector("#shown > *")
    assert page.inner_text(".verdict") == "wide 90.0 %"
    assert "dropped.png" in page.inner_text("#drop")


def test_a_class_name_is_shown_as_it_is_and_never_read_as_markup(visit: Visit) -> None:
    page = visit("shapes")
    give(page, image((8, 8)))
    assert page.inner_text(".verdict") == "<b>square</b> 90.0 %"


def test_a_turned_photo_is_sent_upright_and_the_page_says_so(visit: Visit) -> None:
    page = visit("shapes")
    give(page, image((10, 20), "JPEG", orientation=6), "phone.jpg")
    assert page.inner_text(".verdict") == "tall 90.0 %"
    assert "phone.jpg (turned upright)" in page.inner_text("#drop")


def test_a_kind_of_picture_that_the_model_cannot_decode_is_redrawn(visit: Visit) -> None:
    page = visit("shapes")
    give(page, image((10, 20), "WEBP"), "small.webp")
    assert page.inner_text(".verdict") == "wide 90.0 %"
    give(page, image((20, 10), "PNG", mode="RGBA"), "clear.png")
    page.wait_for_selector(".verdict:has-text('tall')")
    assert "laid on white" in page.inner_text("#drop")


def test_a_file_that_is_no_picture_is_refused_by_its_name(visit: Visit) -> None:
    page = visit("shapes")
    give(page, b"certainly no picture", "letter.png")
    reason = page.inner_text("#problem")
    assert reason.startswith("letter.png: This is not a readable picture")
    page.click("#ask")
    assert page.inner_text("#problem") == reason
    page.select_option("#version", "1")
    page.click("#ask")
    assert page.inner_text("#problem") == reason
    give(page, image((20, 10)))
    page.wait_for_selector(".verdict")
    assert not page.is_visible("#problem")


def test_the_models_own_example_can_be_tried(visit: Visit) -> None:
    page = visit("shapes")
    page.click("#example")
    page.wait_for_selector("#shown > *")
    assert page.inner_text(".verdict") == "tall 90.0 %"
    page.goto(page.url.replace("shapes", "animals"))
    page.reload()
    page.wait_for_selector("#models :checked", state="attached")
    assert not page.is_visible("#example")


@pytest.mark.parametrize(
    "model, given, answer",
    [
        ("milk it's", "milk\n1\n2\n3\n4", "3.5"),
        ("matrix", "1, 2", "3.0"),
        ("sum", '{"inputs":{"a":[1.0],"b":[2.0]}}', "3.0"),
    ],
)
def test_an_example_of_any_kind_is_filled_in_and_asked(visit: Visit, model: str, given: str, answer: str) -> None:
    page = visit(model)
    page.click("#example")
    page.wait_for_selector(ANSWERED)
    assert page.input_value("#text").replace(".0", "") == given.replace(".0", "")
    assert answer in page.inner_text("#shown")


def test_boxes_are_drawn_where_the_objects_are_from_the_least_score_on(visit: Visit) -> None:
    page = visit("animals")
    give(page, image((100, 200)))
    assert page.locator(".photo text").all_text_contents() == ["cat 90.0 %"]
    shown, box = (page.locator(where).first.bounding_box() for where in (".photo img", ".photo rect"))
    for edge, part in (("x", 0), ("y", 0), ("width", 0.5), ("height", 0.5)):
        start = {"x": shown["x"], "y": shown["y"]}.get(edge, 0)
        assert box[edge] == pytest.approx(start + part * shown.get(edge, 0) * (edge in ("width", "height")), abs=4)
    page.locator("#least").fill("0.2")
    assert page.locator(".photo text").count() == 2
    assert "2 of 2 shown" in page.inner_text("#shown")


def test_a_pasted_table_is_answered_with_a_forecast_and_its_band(visit: Visit) -> None:
    page = visit("milk it's")
    ask(page, TABLE)
    rows = page.locator("#shown tbody tr").all_inner_texts()
    # the mean of the last four rows is 2.5
    assert rows == [
        "+1\t2024-06\t3.5\t-1.5\t8.5",
        "+2\t2024-07\t4.5\t-0.5\t9.5",
        "+3\t2024-08\t5.5\t0.5\t10.5",
    ]
    assert page.locator("#shown th").all_inner_texts() == ["step", "time", "forecast", "80 % from", "to"]
    assert page.locator(".chart .band").count() == 1
    assert len(page.get_attribute(".chart .past", "points").split()) == 4


def test_a_signature_with_times_gets_them_from_the_table(visit: Visit) -> None:
    page = visit("milk it's")
    page.select_option("#signature", "with_times")
    ask(page, TABLE)
    assert page.locator("#shown tbody tr").first.inner_text() == "+1\t2024-06\t103.5\t98.5\t108.5"
    assert json.loads(page.text_content("#request"))["inputs"]["times"][0][-1] == 1714521600  # 2024-05-01
    page.fill("#text", "1 2 3 4")
    page.click("#ask")
    assert page.inner_text("#problem").startswith("Each row needs a time and 1 value; these have 1 column.")


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "Paste a table or numbers first."),
        ("1\n2\n3", "The model looks at 4 rows; these are 3."),
        (
            "Month,cheese\n2024-01,1",
            "There is no column `milk`. There are: `Month`, `cheese`. `labline predict` takes other settings of "
            "reading for a file.",
        ),
        (
            "600,5\n601,5\n602,5\n603,5",
            "Line 1: `600` is not a time such as 2024-03-01 or 2024-03-01 12:00. "
            "If 600,5 is one number, write 600.5; if it is two, leave the first out.",
        ),
        ("milk\n1\n2\nmany\n4\n5", "line 4: `many` in column `milk`"),
        ("Month,milk\n2024-01,1\n2024-02,\n2024-03,3\n2024-04,4", "line 3: no value in column `milk`"),
    ],
)
def test_a_table_that_does_not_fit_is_explained(visit: Visit, text: str, told: str) -> None:
    page = visit("milk it's")
    ask(page, text)
    assert told in page.inner_text("#problem")


def test_numbers_with_the_decimal_comma_of_the_models_data_are_numbers_and_no_times(visit: Visit) -> None:
    history = visit("milk it's").evaluate(
        """async () => {
            const { readTable } = await import(new URL("tables.js", document.querySelector("script[src]").src));
            const facts = { values: ["milk"], covariates: [], history: 2, reading: { delimiter: ";", decimal: "," } };
            return readTable("600,5\\n601,25\\n", { inputs: { history: {} } }, facts).history;
        }"""
    )
    assert history == [[600.5], [601.25]]


def test_plain_numbers_are_a_history_too(visit: Visit) -> None:
    page = visit("milk it's")
    ask(page, "1, 2, 3, 4")
    assert page.locator("#shown tbody tr").first.inner_text() == "+1\t3.5\t-1.5\t8.5"


def test_numbers_are_answered_for_any_model_that_takes_some(visit: Visit) -> None:
    page = visit("half_plus_two")
    ask(page, "1, 2\n5")
    assert page.text_content("#request") == '{"instances":[1,2,5]}'
    assert json.loads(page.inner_text("#shown")) == {"predictions": [2.5, 3.0, 4.5]}
    ask(page, "1, two")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem") == "`two` is not a number."


def test_rows_of_numbers_must_be_as_long_as_the_model_wants_them(visit: Visit) -> None:
    page = visit("matrix")
    ask(page, "1 2\n3 4 5")
    assert page.inner_text("#problem") == "Line 2 has 3 numbers; 2 are needed."
    ask(page, "1 2\n3 4")
    page.wait_for_selector("#shown pre")
    assert json.loads(page.inner_text("#shown pre"))["predictions"] == [[3.0, 3.0, 3.0], [7.0, 7.0, 7.0]]


def test_any_other_model_gets_a_request_to_fill_in_and_its_numbers_are_not_rounded(visit: Visit) -> None:
    page = visit("sum")
    assert json.loads(page.input_value("#text")) == {"instances": [{"a": 0, "b": 0}]}
    page.click("#ask")
    page.wait_for_selector("#shown pre")
    assert json.loads(page.inner_text("#shown pre")) == {"predictions": [{"sum": 0.0, "product": 0.0}]}
    page = visit("int64")
    ask(page, '{"instances": [9007199254740993]}')
    assert "9007199254740993" in page.inner_text("#shown pre")


def test_what_the_server_refuses_is_told_in_its_own_words(visit: Visit) -> None:
    page = visit("sum")
    ask(page, '{"instances": [{"a": "one", "b": 2}]}')
    assert "is not of expected type: float" in page.inner_text("#problem")
    assert page.inner_text("#problem").startswith("400: ")
    ask(page, '{"instances": [')
    page.wait_for_selector("#problem:has-text('This is not JSON')")


@pytest.mark.parametrize("question", ["picture", "example", "table", "numbers", "long"])
def test_the_curl_command_gives_the_same_answer_in_a_shell(visit: Visit, tmp_path: Path, question: str) -> None:
    if question == "picture":
        page, name = visit("shapes"), "it's mine.png"
        (tmp_path / name).write_bytes(image((30, 10)))
        give(page, image((30, 10)), name)
    elif question == "example":
        page = visit("shapes")
        page.click("#example")
        page.wait_for_selector("#shown > *")
    else:
        text = {"table": TABLE, "numbers": "1 2 5", "long": "0.25 " * 5000}[question]
        page = visit("milk it's" if question == "table" else "half_plus_two")
        ask(page, text)
    command = page.text_content("#curl")
    answer = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == json.loads(page.text_content("#response"))
    assert answer.stdout.strip()
