"""The page of an advice, in a real browser."""

import re
from dataclasses import replace

import numpy as np
import pytest

from uncone.advice.words import write_advice
from uncone.geometry.calibration import Calibration
from uncone.tasks.row import Row

HARM = "</script><img src=x onerror=\"document.title='broken'\"> {{data}} \u2028"
KINDS = ("words", "sentences", "both")


def figure(layers, removal, kind, gain=None, p=0.001, p_holm=None):
    use = None if kind == "both" else kind
    row = {"layers": layers, "removal": removal, "use": use, "task": kind, "subset": "macro", "metric": "spearman"}
    if gain is not None:
        row |= {"gain": gain, "gain_low": gain - 0.03, "gain_high": gain + 0.03, "p_value": p, "p_holm": p_holm}
    return Row(**row, value=0.5 + (gain or 0), low=0.4, high=0.6, n=100)


def gains(layers, removal, gain, p, p_holm):
    factors = {kind: 1 + i / 2 for i, kind in enumerate(KINDS)}
    return [
        figure(layers, removal, kind, gain * factor, p, p_holm if kind == "both" else None)
        for kind, factor in factors.items()
    ]


def scores(shift):
    return Calibration.of(np.random.default_rng(0).standard_normal((120, 9)) + shift, HARM)


def layer(name, outcome):
    return {
        **{"layer": name, "outcome": outcome, "meaning": HARM, "final": f"learned({HARM})"},
        **{"choices": {f"m({HARM})": 5}, "settings": {f"m{name}": ["D=1", HARM]}},
    }


def rows_of(name, outcome, gain):
    measures = {"mean_cosine": 0.1, "isoscore": 0.4, "lid": 20.0, "frequency_pc1": 0.3}
    geometry = [
        Row(layers=name, removal=removal, task="geometry", subset=name, metric=metric, value=value + shift)
        for removal, shift in (("none", 0.2), ("chosen", 0.0))
        for metric, value in measures.items()
    ]
    return [
        *(figure(name, "none", kind) for kind in KINDS),
        *gains(name, "chosen", gain, 0.001, 0.01 if outcome == "helped" else 0.5),
        *gains(name, f"m{name}", gain, 0.001, 0.2),
        *geometry,
    ]


def task_row(removal, value, subset="total", gain=None):
    row = {"layers": "2", "removal": removal, "task": "google", "subset": subset, "metric": "accuracy"}
    return Row(**row, value=value, gain=gain, gain_low=gain, gain_high=gain, p_value=gain and 0.01)


@pytest.fixture(scope="module")
def rows():
    return [
        *rows_of("static", "helped", 0.05),
        *rows_of("1", "helped", 0.04),
        *rows_of("2", "hurt", -0.03),
        *(row for removal in ("chosen", "layer_alone") for row in gains("chosen", removal, -0.01, 0.4, 0.4)),
        task_row("none", 0.7),
        task_row("chosen", 0.65, gain=-0.05),
        task_row("none", 0.1, "a category"),
    ]


@pytest.fixture(scope="module")
def advice():
    return {
        **{"encoder": f"tiny {HARM}", "answer": "only for these layers", "layers_helped": ["static", "1"]},
        **{"verdict": f"Only for these layers: static, 1. {HARM}", "advice": f"Keep raw layer 2. {HARM}"},
        "reasons": [f"Not helped: 2 ({HARM})."],
        "warning": f"Further tasks lose: {HARM}",
        "layers": [layer("static", "helped"), layer("1", "helped"), layer("2", "hurt")],
        "which": {"outcome": "not sure", "layer": "1", "final": "none", "reference": "2", "choices": {"1: m": 5}},
        "decides": ["words", "sentences"],
        "calibrations": {"2": {name: scores(shift).to_json() for name, shift in (("none", 3), ("chosen", 0))}},
        "not_run": [["2", "stsb", HARM]],
        "how": [HARM, "Words: 100 pairs."],
        "commands": [{"what": f"Export {HARM}", "command": f"python export.py {HARM}"}],
    }


@pytest.fixture(scope="module")
def page(advice, rows, tmp_path_factory):
    return write_advice(tmp_path_factory.mktemp("advice"), advice, rows)


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
        ("reasons", advice["reasons"][0]),
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


def test_the_forest_draws_every_gain_at_its_place(opened, rows):
    drawn = opened.execute_script(
        "return [...document.querySelectorAll('#forest g[data-layer]')].map((group) => {"
        "  const line = group.querySelector('line'), shape = group.lastChild.getBBox();"
        "  return [group.dataset.layer, group.dataset.kind, +group.dataset.gain, +line.getAttribute('x1'),"
        "    +line.getAttribute('x2'), shape.x + shape.width / 2]; })"
    )
    expected = {(row.layers, row.task): row.gain for row in rows if row.removal == "chosen" and row.task in KINDS}
    expected = {where: gain for where, gain in expected.items() if where[0] != "chosen"}
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


def test_scores_stand_as_two_histograms(opened, advice):
    opened.execute_script("document.querySelector('#layers [data-layer=\"2\"]').click()")
    for removal, of in advice["calibrations"]["2"].items():
        shares = opened.execute_script(
            "return [...document.querySelectorAll(`#cosines-${arguments[0]} rect`)].map((bar) => +bar.dataset.share)",
            removal,
        )
        assert len(shares) == 50
        assert sum(shares) == pytest.approx(100, abs=0.5)
        assert f"{of['thresholds']['1%']['cosine']:.3f} ±" in text_of(opened, "threshold-table")
        cut = opened.execute_script(
            "const right = document.querySelector(`#cosines-${arguments[0]} svg`).getBoundingClientRect().right;"
            "return [...document.querySelectorAll(`#cosines-${arguments[0]} text`)]"
            ".filter((text) => text.getBoundingClientRect().right > right).map((text) => text.textContent)",
            removal,
        )
        assert cut == []
    opened.execute_script("document.querySelector('#layers [data-layer=\"1\"]').click()")
    assert opened.execute_script("return document.getElementById('thresholds').hidden")
    opened.execute_script("document.querySelector('#layers [data-layer=\"2\"]').click()")


@pytest.mark.parametrize(("use", "shown"), [("words", 2), ("search", 3)])
def test_one_use_decides(browser, advice, rows, tmp_path, use, shown):
    """A use that no pairs stand for is drawn beside words and sentences; the mean of both is not."""
    rows = [row for row in rows if row.task != "both"]
    rows += [replace(row, use="search", task="search") for row in rows if row.use == "words" and use == "search"]
    browser.get(write_advice(tmp_path, advice | {"decides": [use]}, rows).as_uri())
    assert browser.execute_script("return document.body.dataset.ready") == "true"
    assert browser.execute_script("return document.querySelectorAll('#forest g[data-layer]').length") == 3 * shown
    assert f"{use}, which decides" in text_of(browser, "legend")
    assert "both" not in text_of(browser, "numbers") + text_of(browser, "method-table")


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
