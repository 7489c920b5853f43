"""Collected runs as a table and as a page, in a real browser."""

import csv
from contextlib import nullcontext

import pytest
from runs.test_collection import row, settings, write_run

from uncone.report.collected import as_csv, as_markdown, page_contents, write_tables
from uncone.runs.collection import collect
from uncone.runs.reading import read_results

HARM = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\"> {{data}} | <b>"
LAYERS = ("static", "1", "2", "10")
PULLS = (0.1, 1.0)


def score(removal, layer, pull, seed):
    depth = LAYERS.index(layer)
    return {"none": 0.5, "centre": 0.5 + depth / 100, "learned": 0.5 + depth / 50 + pull / 20}[removal] + seed / 250


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two encoders, four layers, two pulls, two seeds; one failed job whose reason means harm."""
    folder = tmp_path_factory.mktemp("sweep")
    for encoder in ("tiny", HARM):
        for layer in LAYERS if encoder == "tiny" else LAYERS[:1]:
            for pull in PULLS:
                for seed in (0, 1):
                    rows = [
                        row(removal, score(removal, layer, pull, seed), seed, task, layers=layer, encoder=encoder)
                        for removal in ("none", "centre", "learned")
                        for task in ("lee", "google")
                    ]
                    cosine = {"task": "geometry", "subset": layer, "metric": "mean_cosine", "layers": layer}
                    rows += [row(r, v, seed, encoder=encoder, **cosine) for r, v in (("none", 0.4), ("learned", 0.1))]
                    run = settings(seed, pull, layer)
                    run["encoder"]["path"] = encoder
                    name = f"{'tiny' if encoder == 'tiny' else 'harm'},{layer},{pull},{seed}"
                    write_run(folder / name, run, rows, {"status": "finished"}, curve=[0.3 + pull / 10])
    error = {"type": "ValueError", "message": HARM}
    write_run(folder / "broken", settings(9), None, {"status": "failed", "error": error})
    write_tables(folder, collect(folder))
    return folder


@pytest.fixture(scope="module")
def page(folder, browser):
    browser.get((folder / "results.html").as_uri())
    assert browser.execute_script("return document.body.dataset.ready") == "true"
    complaints = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert complaints == []
    return browser


@pytest.fixture
def opened(page):
    """The page as it opens, whatever the test before did to it."""
    page.execute_script(
        "state.sort = null; document.getElementById('search').value = ''; drawSystems();"
        "update({encoder: 'tiny', columns: 'removal', cells: 'change', figure: 0, removal: 'learned'})"
    )
    return page


def test_csv_holds_every_row_unrounded(folder):
    rows = list(csv.DictReader(as_csv(collect(folder)).splitlines()))
    results = [read_results(path.parent) for path in sorted(folder.glob("*/results.json"))]
    assert [float(each["value"]) for each in rows] == [each.value for run in results for each in run]
    assert {each["recipe.pull"] for each in rows} == {"0.1", "1.0"}
    assert {each["validation"] for each in rows} == {"0.31", "0.4"}


def test_markdown_gives_means_spreads_intervals_and_what_failed(folder):
    lines = as_markdown(collect(folder)).splitlines()
    assert lines[2] == "20 finished, 1 failed."
    (found,) = (line for line in lines if line.startswith("| 1.0 | tiny | 10 | mean | learned |"))
    assert found.count("**61.2 ±0.3 [51.2, 71.2]**") == 2
    assert any(line.startswith("| – | tiny | 10 | mean | none | 50.2 ±0.3 [40.2, 60.2] |") for line in lines)
    assert any(line.startswith("| broken | failed | ValueError: ") and "\\| <b>" in line for line in lines)
    (chosen,) = (line for line in lines if line.startswith("| tiny | lee all spearman |"))
    assert chosen.count("recipe.pull=1.0") == 2


def test_page_is_untouched_by_the_text_it_shows_and_fetches_nothing(opened, folder):
    assert opened.title == f"Results of {folder.name}"
    assert opened.execute_script("return document.images.length") == 0
    fetched = opened.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in fetched if not name.startswith(("data:", "blob:"))] == []
    assert "default-src 'none'" in (folder / "results.html").read_text()
    assert HARM in opened.execute_script("return document.getElementById('left').textContent")
    opened.execute_script("update({encoder: arguments[0]})", HARM)
    assert opened.execute_script("return document.images.length") == 0


def test_heat_maps_show_the_change_over_raw_by_layer(opened):
    layers, removals, values = opened.execute_script(
        "const map = document.getElementById('map-0'); const [trace] = map.data;"
        "return [map.layout.yaxis.ticktext, map.layout.xaxis.ticktext, trace.z]"
    )
    assert (layers, removals) == (list(LAYERS), ["centre", "learned"])
    for depth, line in enumerate(values):
        assert line == pytest.approx([depth / 100, depth / 50 + sum(PULLS) / len(PULLS) / 20])
    opened.execute_script("update({columns: 'recipe.pull', cells: 'value'})")
    pulls, values = opened.execute_script(
        "const map = document.getElementById('map-0'); return [map.layout.xaxis.ticktext, map.data[0].z]"
    )
    assert pulls == ["0.1", "1.0"]
    assert values[3] == pytest.approx([score("learned", "10", pull, 0.5) for pull in PULLS])


def test_parallel_coordinates_lead_from_settings_to_the_score(opened):
    labels, scores = opened.execute_script(
        "const {dimensions} = document.getElementById('parallel').data[0];"
        "return [dimensions.map((each) => each.label), dimensions.at(-1).values]"
    )
    assert labels == ["encoder", "layers", "recipe.pull", "validation", "lee all spearman"]
    expected = [100 * score("learned", layer, pull, 0.5) for layer in LAYERS for pull in PULLS]
    assert sorted(scores) == pytest.approx(sorted(expected + expected[:2]))


def test_table_sorts_and_searches(opened):
    def column(index):
        return opened.execute_script(
            "return [...document.querySelectorAll('#systems tbody tr')]"
            ".map((line) => line.children[arguments[0]].textContent)",
            index,
        )

    heads = opened.execute_script("return [...document.querySelectorAll('#systems th')].map((th) => th.textContent)")
    lee = heads.index("lee all spearman")
    opened.execute_script("document.querySelectorAll('#systems th button')[arguments[0]].click()", lee)
    values = [float(text.split(" ±")[0]) for text in column(lee)]
    assert values == sorted(values, reverse=True)
    opened.execute_script("document.querySelectorAll('#systems th button')[arguments[0]].click()", lee)
    assert [float(text.split(" ±")[0]) for text in column(lee)] == sorted(values)
    opened.execute_script(
        "const box = document.getElementById('search'); box.value = 'tiny learned 1.0';"
        "box.dispatchEvent(new Event('input'))"
    )
    assert set(column(heads.index("removal"))) == {"learned"}
    assert len(column(0)) == len(LAYERS)
    best = opened.execute_script(
        "return [...document.querySelectorAll('#systems td.best')].map((td) => td.textContent)"
    )
    assert best == ["61.2 ±0.3"] * 2


def test_fits_a_phone(opened, on_a_phone):
    with on_a_phone(opened):
        width, *overflow = opened.execute_script(
            "return [document.documentElement.scrollWidth, ...[...document.querySelectorAll('.card, .controls, label')]"
            ".filter((node) => node.getBoundingClientRect().right > 390).map((node) => node.outerHTML)]"
        )
        assert overflow == []
        assert width == 390


# which labels of a plot cover one another, or lie outside of it; those of parallel coordinates have a height of lines
COVERED = """
return [...document.querySelectorAll('.plot')].flatMap((plot) => {
  const box = plot.getBoundingClientRect();
  const kinds = '.xtick text, .ytick text, .heatmap-label text, .axis-title, .axis .tick text';
  const labels = [...plot.querySelectorAll(kinds)]
    .filter((node) => node.textContent.trim()).map((node) => [node.textContent, node.getBoundingClientRect()]);
  const cover = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
  const outside = labels.filter(([, a]) => a.left < box.left - 1 || a.right > box.right + 1);
  const pairs = labels.flatMap(([name, a], i) =>
    labels.slice(i + 1).filter(([, b]) => cover(a, b)).map(([other]) => [name, other]));
  return [...outside.map(([name]) => name), ...pairs];
});
"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """The page of a sweep with many removals and long names."""
    folder = tmp_path_factory.mktemp("crowded")
    removals = ["none", *(f"neighbour_whitening_of_rank_{i}" for i in range(12)), "learned"]
    for encoder in ("tiny", "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"):
        for layer in ("static", "1", "[1, 2, 3]"):
            for pull in PULLS:
                run = settings(0, pull, layer)
                run["encoder"]["path"] = encoder
                run["recipe"]["a_long_name_of_a_setting"] = f"a long value of this setting, {pull}"
                rows = [row(r, i / 20, layers=layer, encoder=encoder) for i, r in enumerate(removals)]
                write_run(folder / f"{encoder.replace('/', '_')},{layer},{pull}", run, rows)
    write_tables(folder, collect(folder))
    return (folder / "results.html").as_uri()


@pytest.mark.parametrize("is_phone", [False, True])
def test_labels_do_not_cover_one_another(browser, crowded, on_a_phone, is_phone):
    browser.get(crowded)
    with on_a_phone(browser) if is_phone else nullcontext():
        for columns in ("removal", "recipe.a_long_name_of_a_setting"):
            browser.execute_script("update({columns: arguments[0], removal: 'learned'})", columns)
            assert browser.execute_script(COVERED) == []


def test_a_sweep_of_geometry_alone_has_a_page(tmp_path):
    rows = [
        row("none", 0.3, task="geometry", subset="1", metric=metric, interval=None) for metric in ("lid", "isoscore")
    ]
    write_run(tmp_path / "run", settings(), rows)
    contents = page_contents(collect(tmp_path), "geometry")
    assert [figure["name"] for figure in contents["figures"]] == ["geometry lid", "geometry isoscore"]
    assert as_markdown(collect(tmp_path)) == "# Results of 1 run\n\n1 finished.\n"
