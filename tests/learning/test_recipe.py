"""Recipes: read by name, changed, and refused for what could not be followed."""

import pytest

from uncone.learning.recipe import Recipe, recipes


def test_all_recipes_are_read():
    assert {"learned", "label_free", "lbfgs", "pairs", "paper"} <= set(recipes())
    for name in recipes():
        assert Recipe.named(name).but() == Recipe.named(name)


def test_a_recipe_like_another_differs_in_what_its_file_says():
    free, default = Recipe.named("label_free"), Recipe.named("learned")
    assert (free.objective.weight, free.mixing_pull, free.contrast.weight) == (0, 30, 1)
    assert free == default.but(objective={"weight": 0}, mixing_pull=30, contrast={"weight": 1})


def test_one_candidate_stands_for_a_list_of_it():
    recipe = Recipe.named("learned").but(D=3, pull=[0.1, 1], seeds=[0, 1])
    assert (recipe.D, recipe.pull, recipe.seeds) == ((3,), (0.1, 1.0), (0, 1))
    assert recipe.but(D=None, seeds=None).D == (None,)
    assert recipe.but(seeds=None).seeds is None


@pytest.mark.parametrize(
    ("changes", "looks"),
    [
        ({}, False),
        ({"objective": {"weight": 1}}, True),
        ({"D": [1, 2]}, True),
        ({"pull": [0.1, 1]}, True),
        ({"optimizer": {"keep": "best"}}, True),
    ],
)
def test_says_whether_scores_have_a_say(changes, looks):
    assert Recipe.named("label_free").but(**changes).looks_at_scores is looks


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pulll": 1}, "unknown or missing: pulll"),
        ({"optimizer": {"steps": 1}}, "recipe.optimizer has the keys .* unknown or missing: steps"),
        ({"rank": "many"}, "recipe.rank cannot be the text 'many'"),
        ({"D": [0]}, r"recipe.D must list whole numbers from 1, .* got \(0,\)"),
        ({"D": []}, "recipe.D must list"),
        ({"parameterisation": "sigmoid"}, "unknown parameterisation 'sigmoid'"),
        ({"objective": {"name": "kendall"}}, "unknown objective.name 'kendall' of a recipe: choose one of pearson"),
        ({"objective": {"weight": 0}, "contrast": {"weight": 0}}, "nothing to learn from"),
        ({"optimizer": {"max_epochs": 3}}, "either recipe.optimizer.max_epochs or .*, got 3 and 200"),
        ({"optimizer": {"name": "sgd"}}, "unknown optimizer.name 'sgd'"),
        ({"optimizer": {"name": "lbfgs"}}, "contrast.weight 0 and gradient_clip null, got 0.3 and None"),
        ({"strength": [0, 1.5]}, r"recipe.strength must lie in \[0, 1\], got \[0.0, 1.5\]"),
        ({"parameterisation": "paper", "strength": 0.5}, r"recipe.strength must be 1, got \[0.5\]"),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe.named("learned").but(**changes)


def test_an_unknown_recipe_is_refused_by_name():
    with pytest.raises(ValueError, match=r"unknown recipe 'papre': choose one of .*label_free"):
        Recipe.named("papre")
