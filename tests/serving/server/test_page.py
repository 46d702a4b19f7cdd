"""The page at `/`: what its server gives out, and how a person finds a model, a version and a way around."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from serving.launch import Server, start_server
from serving.tensorflow_serving import Models
from tests.support.page_models import CONTRASTS, image
from tests.support.page_visits import Visit, ask, give

# ---- what the server gives out


def test_the_page_loads_nothing_from_elsewhere_and_lets_no_script_run_but_its_own(page_server: Server) -> None:
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
def test_no_path_leads_to_a_file_that_is_not_the_pages_own(page_server: Server, path: str) -> None:
    # requests would tidy the path up before it is sent
    address = page_server.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(address[0], int(address[1]), timeout=10)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    assert connection.getresponse().status == 404
    connection.close()


def test_the_list_of_models_tells_states_labels_and_what_each_signature_takes(page_server: Server) -> None:
    listed = {
        item["name"]: item for item in requests.get(f"{page_server.url}/labline/models", timeout=10).json()["models"]
    }
    broken, newest, oldest = listed["shapes"]["versions"]
    assert (broken["version"], broken["state"]) == ("3", "END")
    assert "Could not find SavedModel" in broken["error"]
    assert (newest["state"], newest["labels"], oldest["labels"]) == ("AVAILABLE", [], ["stable"])
    assert newest["class_names"] == ["tall", "wide", "<b>square</b>"]
    takes = {name: item["versions"][-1]["signatures"]["serving_default"]["takes"] for name, item in listed.items()}
    assert takes == {
        "shapes": "picture",
        "animals": "picture",
        "milk it's": "history",
        "half_plus_two": "numbers",
        "matrix": "numbers",
        "sum": "json",
        "int64": "json",
    }
    assert listed["matrix"]["versions"][0]["signatures"]["serving_default"]["inputs"] == {
        "x": {"type": "float", "shape": [None, 2]}
    }


def test_an_example_comes_from_the_models_own_warm_up_file(page_server: Server) -> None:
    where = f"{page_server.url}/labline/example"
    wish = {"model": "shapes", "version": "2", "signature": "serving_default"}
    body = requests.get(where, wish, timeout=10).content
    answer = requests.post(f"{page_server.url}/v1/models/shapes:predict", body, timeout=10).json()
    assert answer["outputs"]["label"] == ["tall"]
    assert requests.get(where, {**wish, "model": "animals", "version": "1"}, timeout=10).status_code == 404
    assert requests.get(where, {**wish, "model": "unknown"}, timeout=10).status_code == 404
    assert requests.get(where, timeout=10).status_code == 404


# ---- what a person sees


def test_a_version_and_a_label_can_be_chosen(visit: Visit) -> None:
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
            give(page, image((9, 3)))
        assert sent.value.url.endswith(part)


@pytest.mark.parametrize("chosen, part", [("label:stable", "/labels/stable"), ("1", "/versions/1")])
def test_another_version_is_asked_about_the_same_picture(visit: Visit, chosen: str, part: str) -> None:
    page = visit("shapes")
    give(page, image((9, 3)), "mine.png")
    page.select_option("#version", chosen)
    assert "mine.png" in page.inner_text("#drop")
    assert not page.is_visible("#answer")  # it was the other version's
    with page.expect_request(lambda request: part in request.url):
        page.click("#ask")
    page.wait_for_selector(".verdict")
    assert page.inner_text(".verdict") == "tall 90.0 %"


def test_typed_text_stays_for_whatever_takes_the_same_kind_and_goes_with_the_model(visit: Visit) -> None:
    page = visit("milk it's")
    page.fill("#text", "1 2 3 4")
    page.select_option("#version", "1")
    page.select_option("#signature", "with_times")
    assert page.input_value("#text") == "1 2 3 4"
    assert "a column of times" in page.inner_text("#text-title")
    page.check("#modes [value=json]", force=True)
    page.fill("#text", '{"instances": []}')
    page.select_option("#version", "")
    assert page.input_value("#text") == '{"instances": []}'
    page.locator(".model", has_text="matrix").click()
    assert page.input_value("#text") == ""


def test_the_request_of_another_signature_does_not_stay(visit: Visit) -> None:
    page = visit("milk it's")
    page.check("#modes [value=json]", force=True)
    page.fill("#text", '{"inputs": 1}')
    page.select_option("#signature", "with_times")
    page.check("#modes [value=json]", force=True)
    assert json.loads(page.input_value("#text"))["signature_name"] == "with_times"


def test_the_marks_of_one_version_do_not_touch_those_of_the_next(visit: Visit) -> None:
    page = visit("shapes")
    edges = """rows => rows.map(row => [...row.querySelectorAll(".mark")].map(mark => mark.getBoundingClientRect()))
        .map(marks => [Math.min(...marks.map(mark => mark.top)), Math.max(...marks.map(mark => mark.bottom))])"""
    rows = page.locator(".model:has(:checked) li").evaluate_all(edges)
    assert len(rows) == 3
    assert all(after[0] - before[1] >= 4 for before, after in itertools.pairwise(rows))


def test_a_version_that_could_not_be_loaded_is_shown_with_its_reason(visit: Visit) -> None:
    page = visit("shapes")
    card = page.locator(".model", has_text="shapes").inner_text()
    assert "not loaded" in card
    assert "Could not find SavedModel" in card


def test_everything_can_be_done_with_the_keyboard(visit: Visit) -> None:
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
def test_texts_stand_out_from_their_ground_in_light_and_dark(visit: Visit, scheme: str) -> None:
    page = visit("shapes", color_scheme=scheme)
    give(page, image((9, 3)))
    ratios = page.evaluate(CONTRASTS)
    assert len(ratios) > 20
    assert {words: ratio for words, ratio in ratios.items() if ratio < 4.5} == {}
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(20, 23, 29)") == (scheme == "dark")


def test_a_new_version_shows_up_without_loading_the_page_again(
    visit: Visit, page_models: Path, half_plus_two: Path
) -> None:
    page = visit("half_plus_two")
    page.fill("#text", "1 2 3")
    shutil.copytree(half_plus_two, page_models / "half_plus_two" / "copying")
    (page_models / "half_plus_two" / "copying").rename(page_models / "half_plus_two" / "7")
    page.wait_for_selector("#version option:text-is('newest (7)')", state="attached", timeout=30_000)
    assert page.input_value("#text") == "1 2 3"


@pytest.mark.slow
def test_a_server_with_a_token_shows_nothing_before_it_is_given(
    browser: Any, page_models: Path, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("open-sesame\n")
    more = [f"--bearer_token_file={token}", "--max_num_load_retries=0"]
    server = start_server(
        Models(page_models, name="half_plus_two", base_path=page_models / "half_plus_two"),
        tmp_path / "log",
        "embedded",
        extra_flags=more,
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
