"""The page at `/`: what its server gives out, and what a person sees of it in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from page_models import CONTRASTS, picture, write_models
from serving.launch import Server, start_server
from serving.tensorflow_serving import Models

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TABLE = "Month,milk\n" + "".join(
    f"2024-{month:02},{value}\n" for month, value in zip(range(1, 6), (9, 1, 2, 3, 4), strict=True)
)


@pytest.fixture(scope="module")
def page_models(tmp_path_factory: pytest.TempPathFactory, half_plus_two: Path, models: Path) -> Path:
    """A models.config of what the page has forms for; `shapes` has labels, and a version that cannot be loaded."""
    return write_models(tmp_path_factory.mktemp("page"), half_plus_two, models)


@pytest.fixture(scope="module")
def page_server(page_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("log") / "server.log"
    server = start_server(
        Models(page_models, config_file=page_models / "models.config"),
        log,
        "embedded",
        more=["--max_num_load_retries=0"],
    )
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("a browser is needed: install Chromium")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="a browser's driver is needed: pip install playwright"
    )

    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, page_server: Server) -> Iterator[Any]:
    """Return a function that opens the page at a model; at the end the browser must have had nothing to complain of."""
    complaints: list[str] = []
    opened = []

    def open_page(model: str, **options: Any) -> Any:
        page = browser.new_page(**options)
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{page_server.url}/#{model}")
        page.wait_for_selector("#models :checked", state="attached")
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        page.close()
    # an answer of 400 is told by the browser itself
    assert [text for text in complaints if "the server responded with a status of 400" not in text] == []


def give(page: Any, content: bytes, name: str = "picture.png") -> None:
    """Choose a file as a person does, and wait for the answer."""
    page.set_input_files("#file", [{"name": name, "mimeType": "image/png", "buffer": content}])
    page.wait_for_selector("#shown > *, #problem:not([hidden])")


def ask(page: Any, text: str) -> None:
    """Type a question, ask it, and wait for the answer."""
    page.fill("#text", text)
    page.click("#ask")
    page.wait_for_selector("#shown > *, #problem:not([hidden])")


# ---- what the server gives out


def test_the_page_loads_nothing_from_elsewhere_and_lets_no_script_run_but_its_own(page_server):
    answer = requests.get(page_server.url, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    parts = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    assert len(parts) >= 3
    for part in parts:
        content = requests.get(f"{page_server.url}/{part}", timeout=10)
        assert content.status_code == 200
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", content.text)


@pytest.mark.parametrize(
    "path", ["/page/", "/page/../app.py", "/page/%2e%2e/app.py", "/page//etc/passwd", "/index.html", "/labline"]
)
def test_no_path_leads_to_a_file_that_is_not_the_pages_own(page_server, path):
    # requests would tidy the path up before it is sent
    address = page_server.url.removeprefix("http://").split(":")
    import http.client

    connection = http.client.HTTPConnection(address[0], int(address[1]), timeout=10)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    assert connection.getresponse().status == 404
    connection.close()


def test_the_list_of_models_tells_states_labels_and_what_each_signature_takes(page_server):
    listed = {
        item["name"]: item for item in requests.get(f"{page_server.url}/labline/models", timeout=10).json()["models"]
    }
    broken, newest, oldest = listed["shapes"]["versions"]
    assert (broken["version"], broken["state"]) == ("3", "END")
    assert "SavedModel file does not exist" in broken["error"]
    assert (newest["state"], newest["labels"], oldest["labels"]) == ("AVAILABLE", [], ["stable"])
    assert newest["class_names"] == ["tall", "wide", "<b>square</b>"]
    takes = {name: item["versions"][-1]["signatures"]["serving_default"]["takes"] for name, item in listed.items()}
    assert takes == {
        "shapes": "picture", "animals": "picture", "milk it's": "history", "half_plus_two": "numbers", "matrix": "numbers",
        "sum": "json", "int64": "json",
    }  # fmt: skip
    assert listed["matrix"]["versions"][0]["signatures"]["serving_default"]["inputs"] == {
        "x": {"type": "float", "shape": [None, 2]}
    }


def test_an_example_comes_from_the_models_own_warm_up_file(page_server):
    where = f"{page_server.url}/labline/example"
    wish = {"model": "shapes", "version": "2", "signature": "serving_default"}
    body = requests.get(where, wish, timeout=10).content
    answer = requests.post(f"{page_server.url}/v1/models/shapes:predict", body, timeout=10).json()
    assert answer["outputs"]["label"] == ["tall"]
    assert requests.get(where, {**wish, "model": "animals", "version": "1"}, timeout=10).status_code == 404
    assert requests.get(where, {**wish, "model": "unknown"}, timeout=10).status_code == 404
    assert requests.get(where, timeout=10).status_code == 404


# ---- what a person sees


def test_a_chosen_picture_is_answered_with_its_classes_as_bars(visit):
    page = visit("shapes")
    give(page, picture((20, 10)))
    assert page.inner_text(".verdict") == "tall 90.0 %"
    assert [" ".join(row.split()) for row in page.locator(".bars tr").all_inner_texts()] == [
        "tall 90.0 %",
        "wide 5.0 %",
        "<b>square</b> 5.0 %",
    ]
    bars = page.locator(".bars i").evaluate_all("all => all.map(bar => bar.getBoundingClientRect().width)")
    assert bars[0] > 15 * bars[1]


def test_a_picture_can_be_dropped(visit):
    page = visit("shapes")
    drop = """content => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(content)], "dropped.png", { type: "image/png" }));
        document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, list(picture((10, 20))))
    page.wait_for_selector("#shown > *")
    assert page.inner_text(".verdict") == "wide 90.0 %"
    assert "dropped.png" in page.inner_text("#drop")


def test_a_class_name_is_shown_as_it_is_and_never_read_as_markup(visit):
    page = visit("shapes")
    give(page, picture((8, 8)))
    assert page.inner_text(".verdict") == "<b>square</b> 90.0 %"


def test_a_turned_photo_is_sent_upright_and_the_page_says_so(visit):
    page = visit("shapes")
    give(page, picture((10, 20), "JPEG", orientation=6), "phone.jpg")
    assert page.inner_text(".verdict") == "tall 90.0 %"
    assert "phone.jpg (turned upright)" in page.inner_text("#drop")


def test_a_kind_of_picture_that_the_model_cannot_decode_is_redrawn(visit):
    page = visit("shapes")
    give(page, picture((10, 20), "WEBP"), "small.webp")
    assert page.inner_text(".verdict") == "wide 90.0 %"
    give(page, picture((20, 10), "PNG", mode="RGBA"), "clear.png")
    page.wait_for_selector(".verdict:has-text('tall')")
    assert "laid on white" in page.inner_text("#drop")


def test_a_file_that_is_no_picture_is_refused_by_its_name(visit):
    page = visit("shapes")
    give(page, b"certainly no picture", "letter.png")
    assert page.inner_text("#problem") == "letter.png: this is not a picture that the browser can read"


def test_the_models_own_example_can_be_tried(visit):
    page = visit("shapes")
    page.click("#example")
    page.wait_for_selector("#shown > *")
    assert page.inner_text(".verdict") == "tall 90.0 %"
    page.goto(page.url.replace("shapes", "animals"))
    page.reload()
    page.wait_for_selector("#models :checked", state="attached")
    assert not page.is_visible("#example")


def test_boxes_are_drawn_where_the_objects_are_from_the_least_score_on(visit):
    page = visit("animals")
    give(page, picture((100, 200)))
    assert page.locator(".photo text").all_text_contents() == ["cat 90.0 %"]
    photo, box = (page.locator(where).first.bounding_box() for where in (".photo img", ".photo rect"))
    for edge, part in (("x", 0), ("y", 0), ("width", 0.5), ("height", 0.5)):
        start = {"x": photo["x"], "y": photo["y"]}.get(edge, 0)
        assert box[edge] == pytest.approx(start + part * photo.get(edge, 0) * (edge in ("width", "height")), abs=4)
    page.locator("#least").fill("0.2")
    assert page.locator(".photo text").count() == 2
    assert "2 of 2 shown" in page.inner_text("#shown")


def test_a_pasted_table_is_answered_with_a_forecast_and_its_band(visit):
    page = visit("milk it's")
    ask(page, TABLE)
    rows = page.locator("#shown tbody tr").all_inner_texts()
    # the mean of the last four rows is 2.5
    assert rows == [
        "+1\t2024-06-01\t3.5\t-1.5\t8.5",
        "+2\t2024-07-01\t4.5\t-0.5\t9.5",
        "+3\t2024-08-01\t5.5\t0.5\t10.5",
    ]
    assert page.locator("#shown th").all_inner_texts() == ["step", "time", "forecast", "80 % from", "to"]
    assert page.locator(".chart .band").count() == 1
    assert len(page.get_attribute(".chart .past", "points").split()) == 4


def test_a_signature_with_times_gets_them_from_the_table(visit):
    page = visit("milk it's")
    page.select_option("#signature", "with_times")
    ask(page, TABLE)
    assert page.locator("#shown tbody tr").first.inner_text() == "+1\t2024-06-01\t103.5\t98.5\t108.5"
    assert json.loads(page.text_content("#request"))["inputs"]["times"][0][-1] == 1714521600  # 2024-05-01
    page.fill("#text", "1 2 3 4")
    page.click("#ask")
    assert page.inner_text("#problem").startswith("Each row needs a time and 1 value; these have 1 column.")


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "Paste a table or numbers first."),
        ("1\n2\n3", "The model looks at 4 rows; these are 3."),
        ("Month,cheese\n2024-01,1", "There is no column `milk`; the columns are Month, cheese."),
        ("milk\n1\n2\nmany\n4\n5", "Line 4, column `milk`: `many` is not a number."),
        (
            "Month,milk\n2024-01,1\n2024-02,\n2024-03,3\n2024-04,4",
            "Line 3, column `milk` has no number: fill gaps before asking.",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_explained(visit, text, told):
    page = visit("milk it's")
    ask(page, text)
    assert page.inner_text("#problem") == told


def test_plain_numbers_are_a_history_too(visit):
    page = visit("milk it's")
    ask(page, "1, 2, 3, 4")
    assert page.locator("#shown tbody tr").first.inner_text() == "+1\t3.5\t-1.5\t8.5"


def test_numbers_are_answered_for_any_model_that_takes_some(visit):
    page = visit("half_plus_two")
    ask(page, "1, 2\n5")
    assert page.text_content("#request") == '{"instances":[1,2,5]}'
    assert json.loads(page.inner_text("#shown")) == {"predictions": [2.5, 3.0, 4.5]}
    ask(page, "1, two")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem") == "`two` is not a number."


def test_rows_of_numbers_must_be_as_long_as_the_model_wants_them(visit):
    page = visit("matrix")
    ask(page, "1 2\n3 4 5")
    assert page.inner_text("#problem") == "Line 2 has 3 numbers; 2 are needed."
    ask(page, "1 2\n3 4")
    page.wait_for_selector("#shown pre")
    assert json.loads(page.inner_text("#shown pre"))["predictions"] == [[3.0, 3.0, 3.0], [7.0, 7.0, 7.0]]


def test_any_other_model_gets_a_request_to_fill_in_and_its_numbers_are_not_rounded(visit):
    page = visit("sum")
    assert json.loads(page.input_value("#text")) == {"instances": [{"a": 0, "b": 0}]}
    page.click("#ask")
    page.wait_for_selector("#shown pre")
    assert json.loads(page.inner_text("#shown pre")) == {"predictions": [{"sum": 0.0, "product": 0.0}]}
    page = visit("int64")
    ask(page, '{"instances": [9007199254740993]}')
    assert "9007199254740993" in page.inner_text("#shown pre")


def test_what_the_server_refuses_is_told_in_its_own_words(visit):
    page = visit("sum")
    ask(page, '{"instances": [{"a": "one", "b": 2}]}')
    assert "is not of expected type: float" in page.inner_text("#problem")
    assert page.inner_text("#problem").startswith("400: ")
    ask(page, '{"instances": [')
    page.wait_for_selector("#problem:has-text('This is not JSON')")


def test_a_version_and_a_label_can_be_chosen(visit):
    page = visit("shapes")
    options = page.locator("#version option").all_inner_texts()
    assert options == ["newest (2)", "stable (1)", "2", "1"]
    for chosen, part in (
        ("label:stable", "/labels/stable:predict"),
        ("1", "/versions/1:predict"),
        ("", "/v1/models/shapes:predict"),
    ):
        page.select_option("#version", chosen)
        with page.expect_request(lambda request: ":predict" in request.url) as sent:
            give(page, picture((9, 3)))
        assert sent.value.url.endswith(part)


def test_a_version_that_could_not_be_loaded_is_shown_with_its_reason(visit):
    page = visit("shapes")
    card = page.locator(".model", has_text="shapes").inner_text()
    assert "not loaded" in card
    assert "SavedModel file does not exist" in card


@pytest.mark.parametrize("question", ["picture", "example", "table", "numbers", "long"])
def test_the_curl_command_gives_the_same_answer_in_a_shell(visit, tmp_path, question):
    if question == "picture":
        page, name = visit("shapes"), "it's mine.png"
        (tmp_path / name).write_bytes(picture((30, 10)))
        give(page, picture((30, 10)), name)
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


def test_everything_can_be_done_with_the_keyboard(visit):
    page = visit("half_plus_two")
    page.locator("#models :checked").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_url("**/#int64")
    page.keyboard.press("ArrowUp")
    page.wait_for_url("**/#half_plus_two")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "text":
            break
    page.keyboard.type("4")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#shown pre")
    assert "4.0" in page.inner_text("#shown pre")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground_in_light_and_dark(visit, scheme):
    page = visit("shapes", color_scheme=scheme)
    give(page, picture((9, 3)))
    ratios = page.evaluate(CONTRASTS)
    assert len(ratios) > 20
    assert {words: ratio for words, ratio in ratios.items() if ratio < 4.5} == {}
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(20, 23, 29)") == (scheme == "dark")


def test_a_new_version_shows_up_without_loading_the_page_again(visit, page_models, half_plus_two):
    page = visit("half_plus_two")
    page.fill("#text", "1 2 3")
    shutil.copytree(half_plus_two, page_models / "half_plus_two" / "copying")
    (page_models / "half_plus_two" / "copying").rename(page_models / "half_plus_two" / "7")
    page.wait_for_selector("#version option:text-is('newest (7)')", state="attached", timeout=30_000)
    assert page.input_value("#text") == "1 2 3"


def test_a_server_with_a_token_shows_nothing_before_it_is_given(browser, page_models, tmp_path):
    token = tmp_path / "token"
    token.write_text("open-sesame\n")
    more = [f"--bearer_token_file={token}", "--max_num_load_retries=0"]
    server = start_server(
        Models(page_models, name="half_plus_two", base_path=page_models / "half_plus_two"),
        tmp_path / "log",
        "embedded",
        more=more,
    )
    try:
        server.wait_until_ready()
        assert requests.get(f"{server.url}/labline/models", timeout=10).status_code == 401
        assert requests.get(f"{server.url}/labline/example", timeout=10).status_code == 401
        page = browser.new_page()
        page.goto(server.url)
        page.wait_for_selector("#token-form:not([hidden])")
        assert not page.is_visible("#columns")
        page.keyboard.type("open-barley")
        page.keyboard.press("Enter")
        page.wait_for_selector("#token-notice:not([hidden])")
        page.fill("#token", "open-sesame")
        page.keyboard.press("Enter")
        page.wait_for_selector("#columns:not([hidden])")
        ask(page, "1 2 5")
        assert "4.5" in page.inner_text("#shown")
        command = page.text_content("#curl")
        assert "sesame" not in page.content()
        answer = subprocess.run(
            ["sh", "-c", command],
            env={"TOKEN": "open-sesame", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(answer.stdout) == {"predictions": [2.5, 3.0, 4.5]}
        page.close()
    finally:
        server.stop()
