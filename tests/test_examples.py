"""The scripts in examples/ do what they say, in small."""

from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_watch_geometry(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import watch_geometry

    start, *epochs = watch_geometry.main(["--texts", "2", "--epochs", "2"])
    assert len(epochs) == 2
    assert len({line["geometry/s_inter"] for line in (start, *epochs)}) == 3
    assert len(capsys.readouterr().out.splitlines()) == 4
