"""Files and folders appear whole or not at all."""

import pytest

from uncone.support.files import whole, write


def fill(folder):
    folder.mkdir()
    (folder / "new").write_text("new")


def interrupted(make, target):
    with whole(target) as aside:
        make(aside)
        raise RuntimeError("power cut")


def test_a_file_replaces_another(tmp_path):
    write(tmp_path / "deep" / "file", "old")
    write(tmp_path / "deep" / "file", "λ")
    assert (tmp_path / "deep" / "file").read_text(encoding="utf-8") == "λ"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file"]


def test_a_folder_replaces_another_and_all_that_was_in_it(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").write_text("old")
    with whole(target) as aside:
        fill(aside)
        assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("make", [fill, lambda path: path.write_text("half")])
def test_nothing_is_left_of_what_failed(make, tmp_path):
    (tmp_path / "target").write_text("old")
    with pytest.raises(RuntimeError):
        interrupted(make, tmp_path / "target")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_cannot_be_replaced_stays(tmp_path):
    target = tmp_path / "folder"
    fill(target)
    with pytest.raises(FileNotFoundError), whole(target):
        pass  # nothing was written
    assert (target / "new").read_text() == "new"
