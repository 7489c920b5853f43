"""The page of an advice, in a real browser."""

import json
import re

import pytest

from uncone.advice.page import write_advice_page
from uncone.tasks import Row

HARM = "</script><img src=x onerror=\"document.title='broken'\"> {{data}} \u2028"
KINDS = ("words", "sentences", "both")


def effect(gain, p=0.001):
    of = {"difference": gain, "low": gain - 0.03, "high": gain + 0.03, "p_value": p}
    return {"value": 0.5 + gain, "low": 0.4, "high": 0.6, "gain": of, "by_dataset": {}, "n": 100}


def layer(name, outcome, gain):
    effects = {kind: effect(gain * (1 + i / 2)) for i, kind in enumerate(KINDS)}
    return {
        **{"layer": name, "outcome": outcome, "meaning": HARM, "final": f"learned({HARM})", "described": HARM},
        **{"choices": {f"m({HARM})": 5}, "raw": {kind: effect(0.0, 1.0) for kind in KINDS}},
        **{"chosen": effects, "p_holm": 0.01 if outcome == "helped" else 0.5},
        "methods": [{"method": f"m{name}", "settings": ["D=1", HARM], **effects, "p_holm": 0.2}],
        "geometry": {
            removal: {"mean_cosine": 0.1 + shift, "isoscore": 0.4, "lid": 20 + shift, "frequency_pc1": 0.3}
            for removal, shift in (("none", 0.2), ("chosen", 0.0))
        },
    }


def task_row(removal, value, subset="total", gain=None):
    where = {"layers": "2", "removal": removal, "task": "google", "subset": subset, "metric": "accuracy"}
    return Row(**where, value=value, gain=gain, gain_low=gain, gain_high=gain, p_value=0.01).to_json()


@pytest.fixture(scope="module")
def advice():
    which = {"outcome": "not sure", "layer": "1", "final": "none", "reference": "2", "choices": {"1: m": 5}}
    effects = {kind: effect(-0.01, 0.4) for kind in KINDS}
    return {
        **{"encoder": f"tiny {HARM}", "answer": "only for these layers", "layers_helped": ["static", "1"]},
        **{"verdict": f"Only for these layers: static, 1. {HARM}", "advice": f"Keep raw layer 2. {HARM}"},
        "warning": f"Further tasks lose: {HARM}",
        "layers": [layer("static", "helped", 0.05), layer("1", "helped", 0.04), layer("2", "hurt", -0.03)],
        "which": {**which, "chosen": effects, "layer_alone": effects},
        "tasks": [
            task_row("none", 0.7),
            task_row("chosen", 0.65, gain=-0.05),
            task_row("none", 0.1, "a category"),
        ],
        "not_run": [["2", "stsb", HARM]],
        "how": [HARM, "Words: 100 pairs."],
        "commands": [{"what": f"Export {HARM}", "command": f"python export.py {HARM}"}],
        "made": "Made with uncone.",
    }


@pytest.fixture(scope="module")
def page(advice, tmp_path_factory):
    folder = tmp_path_factory.mktemp("advice")
    (folder / "advice.json").write_text(json.dumps(advice))
    return write_advice_page(folder)


@pytest.fixture(scope="module")
def opened(browser, page):
    browser.get(page.as_uri())
    assert browser.execute_script("return document.body.dataset.ready") == "true"
    return browser


def text_of(browser, name):
    return browser.execute_script("return document.getElementById(arguments[0]).textContent", name)


def test_opens_without_complaint_whatever_its_text(opened, advice):
    assert [entry for entry in opened.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert (
        opened.title == f"Does removal help {advice['encoder']}?".replace("\u2028", " ").strip()
        or HARM[:9] in opened.title
    )
    assert opened.execute_script("return document.images.length") == 0
    for name, expected in (
        ("verdict", advice["verdict"]),
        ("advice", advice["advice"]),
        ("warning", advice["warning"]),
    ):
        assert text_of(opened, name) == expected
    assert advice["commands"][0]["command"] in text_of(opened, "commands")
    assert f"Not run: stsb on layer 2: {HARM}" in text_of(opened, "sentences")


def test_fetches_nothing(opened, page):
    fetched = opened.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in fetched if not name.startswith("data:")] == []
    source = page.read_text()
    assert "default-src 'none'" in source
    assert "unsafe-eval" not in source
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']?(http|//)", source)
    assert page.stat().st_size < 200_000


def test_the_forest_draws_every_gain_at_its_place(opened, advice):
    drawn = opened.execute_script(
        "return [...document.querySelectorAll('#forest g[data-layer]')].map((group) => {"
        "  const line = group.querySelector('line'), shape = group.lastChild.getBBox();"
        "  return [group.dataset.layer, group.dataset.kind, +group.dataset.difference, +line.getAttribute('x1'),"
        "    +line.getAttribute('x2'), shape.x + shape.width / 2]; })"
    )
    expected = {
        (each["layer"], kind): each["chosen"][kind]["gain"]["difference"] for each in advice["layers"] for kind in KINDS
    }
    assert {(name, kind): gain for name, kind, gain, *_ in drawn} == expected
    drawn.sort(key=lambda item: item[2])
    places = [middle for *_, middle in drawn]
    assert places == sorted(places)
    for _, _, _, low, high, middle in drawn:
        assert middle == pytest.approx((low + high) / 2, abs=0.5)  # intervals are symmetric here


def test_the_table_says_what_is_sure(opened):
    rows = opened.execute_script(
        "return [...document.querySelectorAll('#numbers tbody tr')]"
        ".map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    assert [row[:2] for row in rows] == [["static", "helped"], ["1", "helped"], ["2", "hurt"]]
    assert rows[0][3] == "▲ +5.0 [+2.0, +8.0]"
    assert rows[2][5].startswith("▼ −4.5")
    assert rows[2][6].startswith("≈ −6.0")  # corrected for all layers


def test_methods_follow_the_layer(opened):
    assert "m2" in text_of(opened, "method-table")
    tasks = text_of(opened, "task-table")
    assert "70.0" in tasks
    assert "▼ −5.0" in tasks
    assert "a category" not in tasks  # a total speaks for its categories
    opened.execute_script("document.querySelector('#layers [data-layer=\"1\"]').click()")
    assert "m1" in text_of(opened, "method-table")
    assert opened.execute_script("return document.getElementById('task-table').hidden")
    assert opened.execute_script("return document.querySelectorAll('#layers [aria-pressed=true]').length") == 1


def test_geometry_is_drawn_raw_and_after(opened):
    lines = opened.execute_script("return document.querySelectorAll('#depth-mean_cosine polyline').length")
    assert lines == 2
    assert opened.execute_script("return document.querySelectorAll('#geometry figure').length") == 4


def test_fits_a_phone(opened, on_a_phone):
    with on_a_phone(opened):
        width, *overflow = opened.execute_script(
            "return [document.documentElement.scrollWidth,"
            "...[...document.querySelectorAll('.card, svg, pre, .wide-table')]"
            ".filter((node) => node.getBoundingClientRect().right > 390).map((node) => node.outerHTML.slice(0, 80))]"
        )
        assert width == 390
        assert overflow == []
        small = opened.execute_script(
            "return [...document.querySelectorAll('nav a, button')]"
            ".filter((node) => node.getBoundingClientRect().height < 44).map((node) => node.outerHTML)"
        )
        assert small == []


def test_a_folder_without_advice_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no advice\.json in .*advise\.py"):
        write_advice_page(tmp_path)
