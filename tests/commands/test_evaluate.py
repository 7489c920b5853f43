"""evaluate.py: any removal, constructed or saved, on any task."""

import json
from itertools import product
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from uncone.commands.build import make_recipe, make_tasks
from uncone.commands.evaluate import evaluate
from uncone.commands.schema import register
from uncone.data import load_sts
from uncone.encoder import Encoder
from uncone.geometry.calibration import read_calibrations
from uncone.learning.recipe import Recipe, recipes
from uncone.removal import Removal, all_but_the_top
from uncone.removal.spectrum import Spectrum
from uncone.runs.reading import read_results
from uncone.tasks import Row

ROOT = Path(__file__).parents[2]
WORDS = ("cat", "sun", "barked", "tea")


def config_of(folder: Path, *overrides: str):
    register()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("evaluate", [f"output_dir={folder}", "resamples=50", *overrides])


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    encoder = Encoder.from_pretrained("minilm", layers="static")
    spectrum = Spectrum.fit(encoder.table)
    folder = tmp_path_factory.mktemp("runs") / "mine"
    all_but_the_top(spectrum, D=5).for_encoder(encoder).save(folder)
    return folder


def rows_of(folder: Path, metric: str) -> dict[str, Row]:
    return {row.removal: row for row in read_results(folder) if row.metric == metric and row.subset == "all"}


def values(folder: Path, metric: str) -> dict[str, float]:
    return {removal: row.value for removal, row in rows_of(folder, metric).items()}


def test_a_saved_removal_scores_as_the_constructed_one(saved, tmp_path):
    evaluate(config_of(tmp_path, f"removal=[none,all_but_the_top,{saved}]", "methods.all_but_the_top.D=5", "task=lee"))
    spearman = values(tmp_path, "spearman")
    assert spearman["mine"] == spearman["all_but_the_top"] != spearman["none"]
    assert rows_of(tmp_path, "spearman")["mine"].gain == pytest.approx(spearman["mine"] - spearman["none"])


def test_thresholds_are_told_and_kept(tmp_path, capsys):
    evaluate(config_of(tmp_path, "removal=[none,all_but_the_top]", "methods.all_but_the_top.D=5", "task=lee"))
    found = read_calibrations(tmp_path)
    assert {name: (of.corpus, of.texts > 290) for name, of in found.items()} == {
        "none": ("lee_background", True),
        "all_but_the_top": ("lee_background", True),
    }
    output = " ".join(capsys.readouterr().out.split())
    for of in found.values():
        assert f"{of.threshold(0.01):.3f} ±{of.errors[0]:.3f}" in output
    assert "The all_but_the_top removal " in output


def test_too_small_a_corpus_has_no_thresholds(tmp_path, capsys):
    evaluate(config_of(tmp_path, "removal=[none,centre]", "task=lee", "corpus_limit=20"))
    output = " ".join(capsys.readouterr().out.split())
    assert (
        output.count("not run: thresholds: a threshold needs 100 different texts or more, lee_background has 20") == 1
    )
    assert not (tmp_path / "calibration.json").exists()


def test_settings_given_as_a_list_are_chosen_on_validation(tmp_path, capsys):
    glove = ("encoder=glove", "encoder.limit=20000")
    evaluate(config_of(tmp_path, *glove, "removal=all_but_the_top", "methods.all_but_the_top.D=[1,2,3]", "task=lee"))
    chosen = next(line for line in capsys.readouterr().out.splitlines() if "all_but_the_top(D=" in line)
    alone = {}
    for D in (1, 2, 3):
        settings = ("removal=all_but_the_top", f"methods.all_but_the_top.D={D}", "task=lee")
        evaluate(config_of(tmp_path / str(D), *glove, *settings))
        alone[D] = values(tmp_path / str(D), "spearman")
    D = int(chosen.split("D=")[1][0])
    assert values(tmp_path, "spearman") == alone[D]


def test_settings_beyond_the_rank_are_left_out(tmp_path):
    evaluate(config_of(tmp_path, "encoder=glove", "encoder.limit=20000", "removal=whitening", "task=lee"))
    assert set(values(tmp_path, "spearman")) == {"whitening"}


def test_a_removal_of_another_encoder_is_refused_unless_told(saved, tmp_path):
    spoilt = Removal.load(saved)
    Removal(
        spoilt.centre, spoilt.components, spoilt.gains, "x", {}, {"name": "other", "hash": "0" * 32, "layers": "static"}
    ).save(tmp_path / "other")
    with pytest.raises(ValueError, match="belongs to other layers static"):
        evaluate(config_of(tmp_path / "run", f"removal=[{tmp_path}/other]", "task=lee"))
    evaluate(config_of(tmp_path / "run", f"removal=[{tmp_path}/other]", "task=lee", "allow_other_encoder=true"))
    assert "other" in values(tmp_path / "run", "spearman")


def test_a_task_without_data_is_reported_not_dropped(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("UNCONE_DATA", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    evaluate(config_of(tmp_path, "removal=none", "task=[lee,liang_sts]"))
    output = capsys.readouterr().out
    assert "not run: liang_sts" in output
    assert "data_dir" in output


def test_a_run_of_which_nothing_could_be_had_fails(tmp_path):
    """Where one of several tasks is missing the run is whole, and says so."""
    with pytest.raises(ValueError, match=r"none of the tasks was run: beir: name a folder with corpus.jsonl"):
        evaluate(config_of(tmp_path, "removal=none", "task=[beir]"))


def test_any_task_of_mteb_goes_by_its_name(tmp_path):
    (task,) = make_tasks(config_of(tmp_path, "task=mteb:SciFact", f"data_dir={tmp_path}"))
    assert task.name == "mteb_scifact"
    with pytest.raises(ValueError, match="mteb_SciFact"):
        evaluate(config_of(tmp_path, "task=[mteb_SciFact]"))


def test_a_missing_removal_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no removal in .*nowhere"):
        evaluate(config_of(tmp_path, "removal=[./nowhere]", "task=lee"))


PAIRS = [f"{a} {b}\t{b} {c}\t{(i * 7) % 11 / 2}" for i, (a, b, c) in enumerate(product(WORDS, WORDS, WORDS))]


@pytest.fixture(scope="module")
def sentence_data(tmp_path_factory) -> Path:
    """A data folder with generated sentence pairs, and a corpus of the same words."""
    folder = tmp_path_factory.mktemp("data")
    for name, start in (("train", 0), ("dev", 1), ("test", 2)):
        rows = ["sentence1\tsentence2\tscore", *PAIRS[start::3]]
        (folder / f"{name}.tsv").write_text("\n".join(rows) + "\n")
    texts = dict.fromkeys(text for pair in PAIRS for text in pair.split("\t")[:2])
    (folder / "corpus.tsv").write_text("\n".join(["text", *texts]) + "\n")
    return folder


def sentences_of(folder: Path) -> list[str]:
    return [
        "data=stsb",
        f"data.sets=[{folder}/train.tsv]",
        f"data.validation_sets=[{folder}/dev.tsv]",
        f"data.test_sets=[{folder}/test.tsv]",
        f"corpus={folder}/corpus.tsv",
        "task=lee",
    ]


@pytest.mark.parametrize("fitted_on", ["tokens", "texts"])
def test_cluster_wise_removal_is_fitted_on_a_corpus_and_chosen_on_sentences(fitted_on, sentence_data, tmp_path, capsys):
    """The same outcome for the same seeds; one table over them."""
    overrides = [*sentences_of(sentence_data), f"fit.level={fitted_on}", "removal=[none,clustered,all_but_the_top]"]
    overrides += ["methods.clustered.clusters=[1,3]", "methods.clustered.D=[1,2]", "methods.all_but_the_top.D=[1,2]"]
    evaluate(config_of(tmp_path / "once", *overrides, "seeds=[0,1]"))
    output = capsys.readouterr().out
    assert f"clusters of {fitted_on}" in " ".join(output.split())
    assert "over 2 seeds" in output
    evaluate(config_of(tmp_path / "again", *overrides, "seeds=[0,1]"))
    rows = read_results(tmp_path / "once")
    assert rows == read_results(tmp_path / "again")
    assert {(row.removal, row.seed) for row in rows} >= {("clustered", 0), ("clustered", 1), ("none", 1)}


def test_only_what_is_random_is_compared_for_every_seed(tmp_path):
    overrides = ["removal=[none,centre,random_removal]", "methods.random_removal.D=3", "task=[lee]", "seeds=[0,1]"]
    rows = evaluate(config_of(tmp_path / "run", *overrides, "random=[random_removal]"))
    values = {(row.removal, row.seed): row.value for row in rows if row.metric == "spearman" and row.subset == "all"}
    assert set(values) == {("none", 0), ("none", 1), ("centre", 0), ("random_removal", 0), ("random_removal", 1)}
    assert values["random_removal", 0] != values["random_removal", 1]
    with pytest.raises(ValueError, match="random=learned is not among the removals"):
        evaluate(config_of(tmp_path / "other", *overrides, "random=learned"))


def test_figures_of_others_stand_beside_in_tables_alone(tmp_path, capsys):
    """Those of the encoder's name and of tasks that are scored."""
    figures = ["+published.minilm={a paper: {lee: 41.5, sts12: 70}}", "+published.other={theirs: {lee: 12.5}}"]
    rows = evaluate(config_of(tmp_path, "removal=[none,centre]", "task=[lee]", *figures))
    table = (tmp_path / "table.md").read_text()
    assert "| published a paper | **41.5** |" in table
    assert "theirs" not in table
    assert "41.5" in capsys.readouterr().out
    assert {row.removal for row in rows} == {"none", "centre"}


def test_level_text_and_pooling_of_a_fit_are_settings_of_a_method(wordy_model, sentence_data, tmp_path, capsys):
    """Each fit in a row of its own, or the best of them; what cannot be fitted is told, and stops nothing."""
    fits = ["fit.level=[vocabulary,texts]", f"fit.corpus=[lee_background,{sentence_data}/corpus.tsv]"]
    fits += ["fit.pooling=[mean,sif]", "removal=[none,all_but_the_top,within_types]", "methods.all_but_the_top.D=[1,2]"]
    overrides = [*sentences_of(sentence_data), "encoder=local", f"encoder.path={wordy_model}", *fits]
    evaluate(config_of(tmp_path / "all", *overrides, "report=all"))
    told = " ".join(capsys.readouterr().out.split())
    assert "not run: within_types: no setting of within_types fits these vectors: all occurrences of a token" in told
    rows = [row for row in read_results(tmp_path / "all") if row.metric == "spearman"]
    found = {(row.removal, *(row.candidate or {}).values(), row.pooling) for row in rows}
    corpora = ("lee_background", f"{sentence_data}/corpus.tsv")
    assert found == {("none", pooling, pooling) for pooling in ("mean", "sif")} | {
        ("all_but_the_top", *fit, pooling, pooling)
        for fit in (("vocabulary",), *(("texts", corpus) for corpus in corpora))
        for pooling in ("mean", "sif")
    }
    assert len({row.value for row in rows}) == len(rows)
    evaluate(config_of(tmp_path / "best", *overrides))
    (chosen,) = [row for row in read_results(tmp_path / "best") if row.removal == "all_but_the_top" and row.n == 1225][
        :1
    ]
    assert chosen.candidate is None
    assert chosen.value in {row.value for row in rows}


def test_no_method_is_fitted_on_a_text_that_is_scored(tmp_path, capsys):
    pairs = load_sts("lee")
    corpus = tmp_path / "corpus.tsv"
    corpus.write_text("text\nA text of its own.\nAnd one more.\n" + pairs.text1[0] + "\n", encoding="utf-8")
    evaluate(
        config_of(tmp_path / "run", "removal=[none,centre]", "task=lee", "fit.level=texts", f"fit.corpus={corpus}")
    )
    assert "1 of 3 texts stand in the tasks too: not fitted on" in " ".join(capsys.readouterr().out.split())


def test_a_transductive_removal_is_fitted_on_what_is_scored(tmp_path):
    evaluate(config_of(tmp_path, "removal=[none,transductive]", "methods.transductive={k:2,D:1}", "task=lee"))
    spearman = values(tmp_path, "spearman")
    assert spearman["transductive"] != spearman["none"]


def test_recipes_are_learned_anew_for_every_seed(wordy_model, data_dir, tmp_path, capsys):
    """experiment=benchmark_static, small."""
    contrast = "{limit: 100, corpus: lee_background}"
    short = ["encoder=local", f"encoder.path={wordy_model}", "recipe.optimizer.max_steps=5"]
    short += [f"recipe.contrast={contrast}", "recipe.strength=0.7"]
    short += ["++recipes.paper.optimizer={keep: best, max_epochs: 1, batch_size: 512}"]
    short += [
        f"+recipes.label_free={{like: label_free, optimizer: {{max_steps: 5}}, contrast: {contrast}, strength: 0.7}}"
    ]
    sizes = ["seeds=[0,1]", "removal=[none,paper,learned,label_free]", "task=[liang_words]", f"data_dir={data_dir}"]
    config = config_of(tmp_path, "experiment=benchmark_static", *short, *sizes)
    evaluate(config)
    rows = [row for row in read_results(tmp_path) if row.metric == "spearman" and row.subset == "macro"]
    values = {(row.removal, row.seed): row.value for row in rows}
    assert len(set(values.values())) == 7  # raw vectors score alike whatever the seed, learned ones differ
    seconds = json.loads((tmp_path / "fit.json").read_text())
    assert {(fit["removal"], fit["seed"]) for fit in seconds} == set(values)
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("label_free: learned(") == 2
    assert "made in" in out


def test_the_strength_is_chosen_on_texts_that_are_not_learned_from(tmp_path, capsys):
    short = ["recipe=label_free", "recipe.contrast={corpus: lee_background, limit: 50}", "removal=[learned]"]
    short += ["recipe.optimizer.max_steps=60"]
    evaluate(config_of(tmp_path, *short, "task=lee", "recipe.strength=[0,0.6]"))
    assert "strength=0.6" in " ".join(capsys.readouterr().out.split())  # of an input table, which needs it


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{parameterisation: paper, strength: 0.5}", r"taken whole: recipe.strength must be 1, got \[0.5\]"),
        ("{strength: 1.5}", r"must lie in \[0, 1\], got \[1.5\]"),
        ("{contrast: {limit: 2}}", "held_out=0.2 of 2 texts leaves 0 to choose the strength on"),
    ],
)
def test_refuses_a_strength_that_could_not_be_taken(settings, message, tmp_path):
    """Before anything is learned."""
    with pytest.raises(ValueError, match=message):
        evaluate(config_of(tmp_path, "removal=[learned]", f"recipe={settings}", "fit.level=texts", "corpus_limit=20"))


def test_a_variant_is_another_recipe_but_for_some_settings(tmp_path):
    ablation = config_of(tmp_path, "experiment=ablation")
    default = Recipe.named("learned")
    assert make_recipe(ablation, "learned") == default
    assert make_recipe(ablation, "no_contrast") == default.but(contrast={"weight": 0}) != default
    assert make_recipe(ablation, "rank").objective.name == "rank"
    paper = make_recipe(ablation, "paper")
    assert paper == Recipe.named("paper").but(D=paper.D, optimizer={"keep": "best"})
    assert len(paper.D) > 1
    for name in set(ablation.recipes) - {"paper"}:
        assert make_recipe(ablation, name) != default


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_is_the_same_by_name_and_in_a_config(name, tmp_path):
    assert make_recipe(config_of(tmp_path, f"recipe={name}")) == Recipe.named(name)


def test_raw_vectors_of_a_layer_encode_the_texts_of_the_task_alone(tmp_path, encoded):
    """No vocabulary, no pairs; and of a corpus too small for thresholds, nothing."""
    small = ("corpus_limit=20", f"cache_dir={tmp_path}/cache")
    evaluate(config_of(tmp_path, "encoder.layers=[1]", "removal=none", "task=lee", *small))
    pairs = load_sts("lee")
    assert sorted(encoded) == sorted({*pairs.text1, *pairs.text2})
