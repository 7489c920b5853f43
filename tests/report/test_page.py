"""The page of an analysis, in a real browser."""

import html
import json
import re

import pytest

from report.conftest import WORDS
from uncone.geometry.atlas.store import AtlasStore
from uncone.report.page import browser_span, page_contents, rendered, write_page
from uncone.runs.reading import read_results

# the labels of what is drawn, and the data: all that a reader can tell views apart by
VIEW = """
const traces = document.getElementById("cloud-0").data;
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


@pytest.fixture
def compared(opened):
    """The page with the clouds before and after a removal."""
    opened.execute_script("update({removal: 'all_but_the_top'})")
    return opened


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
    assert [trace["name"].partition(":")[0] for trace in views["cluster"]] == ["cluster 1", "cluster 2", "cluster 3"]
    assert all(
        set(trace["name"].partition(": ")[2].split(" · ")) <= {*WORDS, "&lt;b&gt;"} for trace in views["cluster"]
    )
    assert [trace["name"] for trace in views["group"]] == ["other words", "monday, tuesday", "one, two"]
    looks = [(trace["colour"], trace["symbol"]) for trace in views["cluster"]]
    assert len({colour for colour, _ in looks}) == len({symbol for _, symbol in looks}) == 3


def test_removal_and_encoder_can_be_chosen(opened):
    shown = "return [...document.querySelectorAll('.clouds > div:not([hidden]) h4')].map((node) => node.textContent)"
    assert opened.execute_script(shown) == ["Before: raw"]
    opened.execute_script("update({removal: 'all_but_the_top'})")
    assert opened.execute_script(shown) == ["Before: raw", "After all_but_the_top"]
    assert opened.execute_script(VIEW) != opened.execute_script(VIEW.replace("cloud-0", "cloud-1"))
    opened.execute_script("update({encoder: 1})")
    assert opened.execute_script("return [state.layer, state.removal, state.colouring]") == [
        "words",
        "none",
        "frequency",
    ]
    assert opened.execute_script("return document.getElementById('weights').parentElement.hidden")


def reading(browser):
    """What the text below the clouds says: the marked token, the sentence, and the nearest tokens of each view."""
    return browser.execute_script(
        "const node = document.getElementById('reading');"
        "const near = [...node.querySelectorAll('[data-nearest]')].map((line) => "
        "  [line.dataset.nearest, [...line.querySelectorAll('button')].map((chip) => chip.firstChild.textContent)]);"
        "return [node.querySelector('mark')?.textContent, node.textContent, Object.fromEntries(near)]"
    )


def test_a_dot_is_read_in_its_sentence(compared):
    """Under the pointer in its label, and once clicked below the clouds."""
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    cloud = compared.find_element(By.ID, "cloud-1")
    compared.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", cloud)

    def label_under_pointer(browser):
        for x in range(-60, 61, 12):  # the cloud fills the middle, so that one of these is on a dot
            ActionChains(browser, duration=20).move_to_element_with_offset(cloud, x, -10).pause(0.15).perform()
            if labels := browser.find_elements(By.CSS_SELECTOR, "#cloud-1 .hovertext"):
                return labels[0].text
        return None

    label = WebDriverWait(compared, 30).until(label_under_pointer)
    assert "Line" in label
    assert "says" in label
    assert reading(compared)[0] is None
    ActionChains(compared).click().perform()
    marked, text, _ = reading(compared)
    assert marked
    assert re.match(r"Line \d+ says: Monday", text)
    assert compared.find_elements(By.CSS_SELECTOR, "#reading b, #reading img, #reading script, .hovertext a") == []


def test_a_typed_word_is_found_by_keyboard_alone(compared, analysis):
    """It stands out in both clouds, and its nearest tokens, before and after, are buttons that lead to them."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    compared.find_element(By.ID, "word").send_keys("Tuesday")
    marked, text, nearest = reading(compared)
    assert marked == "Tuesday"
    store = AtlasStore(analysis)
    sample = store.sample("tiny")
    places = [i for i, token in enumerate(sample.token) if token == "tuesday"]
    assert f"tuesday: 1 of {len(places)}, next" in text
    for removal, tokens in nearest.items():
        expected = store.curves("tiny", "2", removal)["neighbours"]["point"][places[0]]
        assert tokens == [sample.token[i] for i in expected]
    assert set(nearest) == {"none", "all_but_the_top"}
    selected = "return [0, 1].map((view) => document.getElementById(`cloud-${view}`).data.at(-1).customdata)"
    assert compared.execute_script(selected) == [[places[0]]] * 2
    compared.switch_to.active_element.send_keys(Keys.ENTER)
    assert compared.execute_script(selected) == [[places[1]]] * 2
    compared.switch_to.active_element.send_keys(Keys.TAB * 3, Keys.ENTER)
    other = store.curves("tiny", "2", "none")["neighbours"]["point"][places[1]]
    assert compared.execute_script(selected)[0][0] in other
    box = compared.find_element(By.ID, "word")
    box.clear()
    box.send_keys("mon")
    assert "but monday" in reading(compared)[1]
    box.send_keys("ster")
    assert "words=[[monster]]" in reading(compared)[1]
    box.clear()


def test_a_word_of_several_pieces_is_found_in_its_sentence(compared):
    compared.execute_script("find('cones')")
    assert reading(compared)[0] in ("cone", "s")


def test_a_touched_dot_is_selected_and_what_is_chosen_next_stays(compared, on_a_phone, touch):
    """Once touched, plotly calls every drawing of a cloud a click."""
    from selenium.webdriver.support.ui import WebDriverWait

    with on_a_phone(compared):
        compared.execute_script("update({removal: 'all_but_the_top', layer: '2'})")

        def touched(browser):
            for x in range(-40, 41, 10):
                touch("#cloud-1", x)
                if browser.execute_script("return state.selection"):
                    return True
            return False

        WebDriverWait(compared, 30).until(touched)
        touch("#reading [data-point]")
        wanted = compared.execute_script("return [state.selection.points[state.selection.at], drawClouds()][0]")
        touch("[data-colouring=cluster]")
        assert compared.execute_script("return state.selection.points[state.selection.at]") == wanted


def test_names_of_axes_are_whole_on_a_phone(compared, on_a_phone):
    with on_a_phone(compared):
        cut = compared.execute_script(
            "return [...document.querySelectorAll('.plot')].filter((plot) => plot.offsetParent).flatMap((plot) => {"
            "  const box = plot.getBoundingClientRect();"
            "  return [...plot.querySelectorAll('.xtitle, .ytitle, .annotation-scene text, .xtick, .ytick')]"
            "    .filter((text) => text.textContent)"
            "    .map((text) => [text.textContent, text.getBoundingClientRect(), box])"
            "    .filter(([, { left, right, top, bottom }]) => left < box.left - 1 || right > box.right + 1"
            "      || top < box.top - 1 || bottom > box.bottom + 1).map(([text]) => `${plot.id}: ${text}`); })"
        )
        assert cut == []
        axes = "return document.querySelectorAll('.annotation-scene text').length"
        assert compared.execute_script(axes) == 6


def test_opens_with_a_conclusion_and_names_the_corpus(opened):
    first, corpus = opened.execute_script(
        "return ['.conclusion', '#lead'].map((name) => document.querySelector(name).textContent)"
    )
    assert re.match(r"tiny is (not )?narrow", first)
    assert "the first 1,000 texts of each; 1,234 windows of at most 64 words." in corpus


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
    assert len(sample["log10_frequency"]) == len(sample["span"]) == 10
    assert len(sample["token"]) == 240  # a neighbour need not be shown to have a name
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
