"""Exported folders appear whole, replace only exports, and hold data alone."""

import pickle

import pytest

from uncone.export.base import MARK, check_contents, whole_folder


def fail(target, overwrite):
    with whole_folder(target, overwrite) as folder:
        fill(folder)
        raise RuntimeError("power cut")


def write(target, name):
    with whole_folder(target, overwrite=False) as folder:
        fill(folder)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(pickle.dumps({}))


def fill(folder, text="new"):
    (folder / MARK).write_text("{}")
    (folder / "README.md").write_text(text)


def test_appears_whole(tmp_path):
    target = tmp_path / "deep" / "model"
    with whole_folder(target, overwrite=False) as folder:
        fill(folder)
        assert not target.exists()
    assert (target / "README.md").read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_nothing_is_left_of_an_export_that_failed(tmp_path):
    target = tmp_path / "model"
    with pytest.raises(RuntimeError):
        fail(target, overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_export_stays_until_it_is_replaced(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    fill(target, "old")
    (target / "left_over.json").write_text("{}")
    with pytest.raises(ValueError, match=r"is not empty: .* overwrite=true"), whole_folder(target, overwrite=False):
        pytest.fail("must not get here")
    with pytest.raises(RuntimeError):
        fail(target, overwrite=True)
    assert (target / "README.md").read_text() == "old"
    with whole_folder(target, overwrite=True) as folder:
        fill(folder)
    assert sorted(path.name for path in target.iterdir()) == ["README.md", MARK]
    assert (target / "README.md").read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_other_folders_are_never_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path / "home")
    (tmp_path / "file").write_text("")
    for name, words in (("home", "so it is no export"), ("link", "is no folder"), ("file", "is no folder")):
        with pytest.raises(ValueError, match=words), whole_folder(tmp_path / name, overwrite=True):
            pytest.fail("must not get here")
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years of work"


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "model").mkdir()
    with whole_folder(tmp_path / "model", overwrite=False) as folder:
        fill(folder)
    assert (tmp_path / "model" / MARK).is_file()


@pytest.mark.parametrize("name", ["model.py", "sub/weights.bin", "model.pkl", "run", "model.pt"])
def test_code_and_pickles_are_refused(name, tmp_path):
    target = tmp_path / "model"
    with pytest.raises(ValueError, match="may be code"):
        write(target, name)
    assert not target.exists()


def test_links_out_of_the_folder_are_refused(tmp_path):
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(ValueError, match=r"config\.json"):
        check_contents(tmp_path / "model")
