"""The page of an analysis, in a real browser."""

import html
import json
import re

import pytest

from uncone.report.page import browser_span, page_contents, rendered, write_page
from uncone.runs.reading import read_results

# the labels of what is drawn, and the data: all that a reader can tell views apart by
VIEW = """
const traces = document.getElementById("cloud").data;
return traces.map((t) => ({x: Array.from(t.x), name: t.name, colour: t.marker.color, symbol: t.marker.symbol}));
"""
LAYER_FIGURES = ("variance", "correlation", "lid", "silhouette", "norms", "rogue")


@pytest.fixture(scope="module")
def loaded(browser, page):
    """The page, loaded once, and what the browser had to say about it."""
    browser.get(page.as_uri())
    assert browser.execute_script("return document.body.dataset.ready") == "true"
    return browser, browser.get_log("browser")


@pytest.fixture
def opened(loaded):
    """The page as it opens, whatever the test before did to it."""
    browser, _ = loaded
    browser.execute_script("update({encoder: 0, layer: '2', removal: 'none', colouring: 'frequency'})")
    return browser


def rows_of(analysis):
    return [row for row in read_results(analysis) if row.task == "geometry"]


def slide(browser, layer):
    browser.execute_script(
        "const s = document.getElementById('slider'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('input', {bubbles: true}));",
        layer,
    )


def test_loads_without_complaint_and_untouched_by_the_text_it_shows(loaded, opened):
    complaints = [*loaded[1], *opened.get_log("browser")]
    assert [entry for entry in complaints if entry["level"] == "SEVERE"] == []
    assert opened.title == "The geometry of tiny and table"
    assert opened.execute_script("return document.images.length") == 0
    assert "</script><script>" in opened.execute_script("return document.getElementById('lead').textContent")


def test_fetches_nothing(opened, page):
    fetched = opened.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in fetched if not name.startswith(("data:", "blob:"))] == []
    assert "default-src 'none'" in page.read_text()


def test_numbers_equal_results(opened, analysis):
    shown = opened.execute_script(
        "return [...document.querySelectorAll('td[data-metric]')].map((cell) => ({...cell.dataset}))"
    )
    on_page = {(c["encoder"], c["removal"], c["layer"], c["metric"]): json.loads(c["value"]) for c in shown}
    rows = [row.to_json() for row in rows_of(analysis)]
    assert on_page == {(r["encoder"], r["removal"], r["subset"], r["metric"]): r["value"] for r in rows}
    assert opened.execute_script("return DATA.rows") == rows


def test_charts_over_depth_draw_every_layer_of_every_encoder(opened, analysis):
    traces = opened.execute_script(
        "return document.getElementById('depth-lid').data.map(({x, y, name}) => [name, x, y])"
    )
    drawn = {name: dict(zip(x, y, strict=True)) for name, x, y in traces}
    values = {(r.encoder, r.removal, r.subset): r.value for r in rows_of(analysis) if r.metric == "lid"}
    assert drawn["tiny, raw"] == {layer: values["tiny", "none", layer] for layer in "0123"}
    assert drawn["tiny, all_but_the_top"] == {layer: values["tiny", "all_but_the_top", layer] for layer in "0123"}
    assert drawn["table, raw"] == dict.fromkeys(["words", *"0123"], values["table", "none", "words"])


def test_definitions_stand_beside_charts_and_numbers(opened, analysis):
    definition = json.loads((analysis / "definitions.json").read_text())["lid"]
    texts = opened.execute_script(
        "return [document.getElementById('depth-lid').parentElement, document.getElementById('tables')]"
        ".map((node) => node.textContent)"
    )
    assert all(definition in text for text in texts)


def test_slider_walks_through_the_layers(opened):
    views = []
    for layer in range(4):
        slide(opened, layer)
        figures = [opened.execute_script(f"return document.getElementById('{name}').data") for name in LAYER_FIGURES]
        views.append(json.dumps([opened.execute_script(VIEW), figures[1:-1]]))
        assert opened.execute_script("return document.getElementById('layer-name').textContent") == str(layer)
    assert len(set(views)) == 4


def test_colouring_changes_the_view(opened):
    views = {}
    for colouring in ("frequency", "cluster", "group"):
        opened.execute_script("document.querySelector(`[data-colouring=${arguments[0]}]`).click()", colouring)
        views[colouring] = opened.execute_script(VIEW)
    assert len({*views["frequency"][0]["colour"]}) > 1
    assert [trace["name"] for trace in views["cluster"]] == ["cluster 1", "cluster 2", "cluster 3"]
    assert [trace["name"] for trace in views["group"]] == ["other words", "monday, tuesday", "one, two"]
    looks = [(trace["colour"], trace["symbol"]) for trace in views["cluster"]]
    assert len({colour for colour, _ in looks}) == len({symbol for _, symbol in looks}) == 3


def test_removal_and_encoder_can_be_chosen(opened):
    raw = opened.execute_script(VIEW)
    opened.execute_script("update({removal: 'all_but_the_top'})")
    assert opened.execute_script(VIEW) != raw
    opened.execute_script("update({encoder: 1})")
    assert opened.execute_script("return [state.layer, state.removal, state.colouring]") == [
        "words",
        "none",
        "frequency",
    ]
    assert opened.execute_script("return document.getElementById('weights').parentElement.hidden")


def test_hover_shows_the_token_in_its_sentence(opened):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    cloud = opened.find_element(By.ID, "cloud")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", cloud)

    def label_under_pointer(browser):
        for x in range(-60, 61, 12):  # the cloud fills the middle, so that one of these is on a dot
            ActionChains(browser, duration=20).move_to_element_with_offset(cloud, x, -10).pause(0.15).perform()
            if labels := browser.find_elements(By.CSS_SELECTOR, "#cloud .hovertext"):
                return labels[0].text
        return None

    label = WebDriverWait(opened, 30).until(label_under_pointer)
    assert "Line" in label
    assert "says" in label
    marked, reading = opened.execute_script(
        "const node = document.getElementById('reading');"
        "return [node.querySelector('mark').textContent, node.textContent]"
    )
    assert marked
    assert re.match(r"Line \d+ says: Monday", reading)
    assert opened.find_elements(By.CSS_SELECTOR, "#reading b, #reading img, #reading script, #cloud .hovertext a") == []


def test_hover_text_marks_the_token_and_disarms_tags(opened):
    text = opened.execute_script("const s = DATA.encoders[0].sample; return s.hover[s.token.indexOf('monday')]")
    assert text.startswith("<b>monday</b><br>Line")
    assert "<b>Monday</b>" in text
    tags = re.findall(r"<[^>]*>", opened.execute_script("return DATA.encoders[0].sample.hover.join('')"))
    assert set(tags) == {"<b>", "</b>", "<br>"}


def test_fits_a_phone(opened, on_a_phone):
    with on_a_phone(opened):
        width, *overflow = opened.execute_script(
            "return [document.documentElement.scrollWidth, ...[...document.querySelectorAll('.card, .controls, .plot')]"
            ".filter((node) => node.getBoundingClientRect().right > 390).map((node) => node.id)]"
        )
        assert width == 390
        assert overflow == []
        small = opened.execute_script(
            "return [...document.querySelectorAll('nav a, button, select, input, .button')]"
            ".filter((node) => node.offsetParent && node.getBoundingClientRect().height < 44)"
            ".map((node) => node.outerHTML)"
        )
        assert small == []


def test_is_one_file_of_moderate_size(page):
    assert page.name == "report.html"
    assert page.stat().st_size < 12e6
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']?(http|//)", page.read_text())


def test_many_views_show_fewer_points_each(analysis, monkeypatch):
    monkeypatch.setattr("uncone.report.page.POINTS", 90)  # 9 views
    encoder, _ = page_contents(analysis)["encoders"]
    sample = encoder["sample"]
    assert len(sample["token"]) == len(sample["span"]) == 10
    assert sorted(set(sample["sentence"])) == list(range(len(sample["sentences"])))
    for views in encoder["maps"].values():
        for view in views.values():
            assert {len(axis) for axis in view["xyz"]} == {len(view["curves"]["cluster"])} == {10}


@pytest.mark.parametrize("text", ["</script>", "<!--", "a & b", "\u2028", "]]>", "{{ data }}"])
def test_text_cannot_end_the_element_that_it_stands_in(text):
    contents = {"title": text}
    page = rendered("advice.html", contents)
    (data,) = re.findall(r'id="data">(.*)</script>', page)
    assert not set("<>&") & set(data)
    assert json.loads(data) == contents
    (title,) = re.findall("<title>(.*)</title>", page)
    assert "<" not in title
    assert html.unescape(title) == text


@pytest.mark.parametrize(("text", "token"), [("Two 🐟 and a 🐟 cat", "cat"), ("Café 𝒳 ünd", "ünd"), ("plain", "plain")])
def test_spans_are_counted_as_a_browser_counts(opened, text, token):
    place = text.index(token)
    span = browser_span(text, (place, place + len(token)))
    assert opened.execute_script("return arguments[0].slice(...arguments[1])", text, span) == token


def test_refuses_a_folder_without_results(tmp_path):
    with pytest.raises(ValueError, match=r"no results\.json in .*not finished"):
        write_page(tmp_path)
