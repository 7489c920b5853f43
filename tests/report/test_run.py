"""The page of a run that compared removals: what it says without a browser, and that it works in a real one."""

import numpy as np
import pytest
import torch

from uncone.geometry.calibration import Calibration
from uncone.removal import Removal
from uncone.report.run import write_run
from uncone.report.verdict import verdict
from uncone.support.figures import save, weight_profile
from uncone.tasks.row import Row
from uncone.tasks.scoring import NotRun

from .conftest import HARM

SHIFTS = {"none": 2.0, "learned": 0.0, "centre": 0.5}


def rows_of(task, use, **gains):
    figure = {"encoder": f"bert {HARM}", "layers": "2", "task": task, "use": use, "subset": "all", "metric": "spearman"}
    yield Row(**figure, removal="none", value=0.5, low=0.4, high=0.6)
    for name, gain in gains.items():
        interval = {"gain_low": gain - 0.01, "gain_high": gain + 0.01}
        yield Row(
            **figure, removal=name, value=0.5 + gain, gain=gain, p_holm=0.01 if abs(gain) > 0.02 else 0.5, **interval
        )


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Of a removal that helps sentences, hurts search, and does nothing sure for words."""
    folder = tmp_path_factory.mktemp("run")
    learned = Removal(torch.zeros(4), torch.eye(4)[:, :2], torch.tensor([0.0, 1.5]), "learned")
    save(weight_profile(learned.weights.numpy()), folder / "figures" / "weights.png")
    X = np.random.default_rng(0).standard_normal((120, 9))
    calibrations = {name: Calibration.of(X + shift, HARM) for name, shift in SHIFTS.items()}
    rows = [
        *rows_of("lee", "sentences", learned=0.1, centre=-0.05),
        *rows_of("npl", "search", learned=-0.08, centre=0.01),
        *rows_of("ws353", "words", learned=0.01, centre=0.0),
    ]
    geometry = [
        Row(removal=name, task="geometry", subset="2", metric="mean_cosine", value=value)
        for name, value in (("none", 0.4), ("learned", 0.1))
    ]
    told = verdict(rows, geometry, calibrations)
    further = [("Export it", "uncone export 'removal=[a]'")], [NotRun("stsb", HARM)]
    return write_run(folder, "training run", told, [*rows, *geometry], {"learned": learned}, calibrations, *further)


@pytest.fixture(scope="module")
def opened(browser, page):
    browser.get(page.as_uri())
    assert browser.execute_script("return document.body.dataset.ready") == "true"
    return browser


def texts(browser, selector):
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector
    )


def test_says_first_and_largest_what_matters_most(page):
    text = page.read_text()
    headings = text[text.index("<h1") : text.index("</h1>")]
    assert "search worse (npl -8.0) and sentences better (lee +10.0)" in headings
    assert (
        text.index("<h1") < text.index("For words (ws353 +1.0) the difference may be chance") < text.index("<section")
    )
    assert "reweighs 2 of 4 components" in text  # as one is amplified
    assert text.count("data:image/png;base64,") == 1  # the pictures that there are, once each


def test_tells_of_every_task_what_became_of_it(opened):
    summaries = texts(opened, "#tasks summary")
    assert [text.split()[0] for text in summaries] == ["learned", "centre"]  # what the page is about comes first
    lines = opened.execute_script(
        "return [...document.querySelectorAll('#tasks details:first-of-type tbody tr')]"
        ".map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    assert lines == [
        ["words", "ws353", "spearman", "50.0", "51.0", "≈ +1.0 [+0.0, +2.0]", "may be chance"],
        ["sentences", "lee", "spearman", "50.0", "60.0", "▲ +10.0 [+9.0, +11.0]", "better"],
        ["search", "npl", "spearman", "50.0", "42.0", "▼ -8.0 [-9.0, -7.0]", "worse"],
    ]


def test_opens_without_complaint_whatever_its_text(opened, page):
    assert [entry for entry in opened.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert opened.execute_script("return document.images.length") == 1
    assert HARM.split()[0] in texts(opened, "h1")[0]
    assert texts(opened, "#next code") == ["uncone export 'removal=[a]'"]
    assert texts(opened, "#next li")[0].startswith("stsb: </script>")


def test_random_texts_stand_as_two_histograms_of_the_removal_that_is_chosen(opened):
    def shares(name):
        bars = "return [...document.getElementById(`cosines-${arguments[0]}`).querySelectorAll('rect')]"
        return opened.execute_script(f"{bars}.map((bar) => +bar.dataset.share)", name)

    assert texts(opened, "#cosines h3") == ["raw", "learned"]
    assert sum(shares("none")) == pytest.approx(100, abs=0.5) == sum(shares("learned"))
    choose = "const s = document.getElementById('removal'); s.value = 'centre'; s.dispatchEvent(new Event('change'));"
    opened.execute_script(choose)
    assert texts(opened, "#cosines h3") == ["raw", "centre"]


def test_fits_a_phone(opened, on_a_phone):
    with on_a_phone(opened):
        width, *overflow = opened.execute_script(
            "return [document.documentElement.scrollWidth,"
            "...[...document.querySelectorAll('.card, svg, img, pre, .wide-table')]"
            ".filter((node) => node.getBoundingClientRect().right > 390).map((node) => node.outerHTML.slice(0, 80))]"
        )
        assert (width, overflow) == (390, [])
