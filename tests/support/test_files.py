"""Files and folders appear whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from uncone.support import files
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
    with pytest.raises(ValueError, match=r"folder cannot be written: No such file"), whole(target):
        pass  # nothing was written
    assert (target / "new").read_text() == "new"


class Moments:
    """Whether a folder is there before and after every call that changes names."""

    def __init__(self, target: Path, patch: pytest.MonkeyPatch):
        self.seen = []
        for holder, name in ((os, "replace"), (files, "_exchanged")):
            patch.setattr(holder, name, self.watched(getattr(holder, name), target))

    def watched(self, call, target):
        def calls(*given):
            self.seen.append((target / "new").is_file())
            result = call(*given)
            self.seen.append((target / "new").is_file())
            return result

        return calls


def replace(target: Path) -> None:
    with whole(target) as aside:
        fill(aside)
        (aside / "newer").touch()


def test_there_is_no_moment_without_a_target(tmp_path, monkeypatch):
    replace(tmp_path / "folder")
    moments = Moments(tmp_path / "folder", monkeypatch)
    replace(tmp_path / "folder")
    assert moments.seen == [True, True]


def test_where_folders_cannot_change_places_the_earlier_one_is_beside_for_a_moment(tmp_path, monkeypatch):
    replace(tmp_path / "folder")
    monkeypatch.setattr(files, "_exchanged", lambda *given: False)
    rename = os.replace

    def deadly(source, target):
        rename(source, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", deadly)
    with pytest.raises(KeyboardInterrupt):
        replace(tmp_path / "folder")
    (old,) = tmp_path.glob("folder.old-*")
    assert (old / "newer").exists()
    monkeypatch.setattr(os, "replace", rename)
    for _ in range(2):
        replace(tmp_path / "folder")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "folder", old]


def test_what_killed_processes_were_writing_goes_and_what_others_write_stays(tmp_path):
    code = (
        "import os, sys, pathlib; from uncone.support.files import whole\n"
        "with whole(pathlib.Path(sys.argv[1])) as aside:\n"
        "    aside.write_text('half'); print('there', flush=True); sys.stdin.read()"
    )
    writing = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / name)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in ("one", "two")
    ]
    for process in writing:
        process.stdout.readline()
    writing[0].send_signal(signal.SIGKILL)
    writing[0].communicate()
    assert len(list(tmp_path.iterdir())) == 2
    write(tmp_path / "three", "whole")
    assert sorted(path.name.split(".")[-1] for path in tmp_path.iterdir()) == ["three", "two"]
    writing[1].communicate()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["three", "two"]
