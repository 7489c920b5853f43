"""One sweep of four jobs, as from the command line: one after the other, side by side, on Ray, in submitit's processes.

One after the other they run in this process, as it has imported already what takes several seconds.
"""

import csv
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_runs import run_script

ROOT = Path(__file__).parents[2]
LAYERS, SEEDS = (1, 2), (0, 1)
JOBS = len(LAYERS) * len(SEEDS)
SMALL = (
    *(
        "debug=fast",
        "logger=csv",
        "removal=[none,centre]",
        "task=[lee]",
        "recipe.contrast={weight:0,corpus:lee_background,limit:20}",
    ),
    *("corpus_limit=8", "probe.size=200", "probe.queries=20", "vocabulary_size=300"),
    *("frequencies=corpus", "data.sets=[ws353]", "recipe.D=[2,5]"),
)


def command(model: Path, *overrides: str) -> list[str]:
    sweep = [f"encoder.layers={','.join(map(str, LAYERS))}", f"seed={','.join(map(str, SEEDS))}"]
    return [str(ROOT / "train.py"), "-m", "encoder=local", f"encoder.path={model}", *sweep, *SMALL, *overrides]


def environment(cache: Path) -> dict[str, str]:
    changed = {"UNCONE_CACHE": str(cache), "PYTHONPATH": f"{ROOT / 'src'}", "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    return {**os.environ, **changed, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}


def multirun(model: Path, folder: Path, cache: Path, *overrides: str) -> str:
    """Run the sweep in a folder of its own; returns what it printed."""
    folder.mkdir(exist_ok=True)
    line = [sys.executable, *command(model, *overrides)]
    done = subprocess.run(line, cwd=folder, env=environment(cache), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def in_this_process(model: Path, folder: Path, cache: Path, *overrides: str) -> tuple[str, str | None]:
    """What the sweep printed, and its last words if it failed."""
    return run_script(command(model, *overrides), folder, UNCONE_CACHE=str(cache))


def sweep_folder(folder: Path) -> Path:
    (sweep,) = (folder / "outputs" / "sweeps").iterdir()
    return sweep


def jobs(folder: Path) -> dict[str, dict]:
    """What job.json says, by the folder of the job."""
    files = (folder / "outputs" / "sweeps").glob("*/*/job.json")
    return {path.parent.name: json.loads(path.read_text()) for path in files}


def finished(folder: Path) -> set[str]:
    return {name for name, job in jobs(folder).items() if job["status"] == "finished"}


@pytest.fixture(scope="module")
def model(folder_of, tmp_path_factory):
    """The same few layers for every sweep, so that features can be shared."""
    return folder_of("bert")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def serial(model, cache, tmp_path_factory):
    """The folder in which all jobs were run one after the other."""
    folder = tmp_path_factory.mktemp("serial")
    assert in_this_process(model, folder, cache)[1] is None
    return folder


def table(folder: Path) -> str:
    return (sweep_folder(folder) / "results.csv").read_text()


def test_every_job_has_its_folder_and_its_place_in_the_table(serial):
    assert len(finished(serial)) == JOBS
    rows = list(csv.DictReader(table(serial).splitlines()))
    assert {row["run"] for row in rows} == finished(serial)
    assert {(row["layers"], row["seed"]) for row in rows} == {(str(i), str(seed)) for i in LAYERS for seed in SEEDS}
    assert {row["removal"] for row in rows} == {"none", "centre", "learned"}
    markdown = (sweep_folder(serial) / "results.md").read_text()
    assert f"{JOBS} finished." in markdown
    learned = r"^\| \w+ \| [12] \| mean, special tokens \| learned \| .*±.*\["
    assert len(re.findall(learned, markdown, re.MULTILINE)) == len(LAYERS)
    assert (sweep_folder(serial) / "results.html").is_file()


@pytest.mark.slow
def test_joblib_survives_a_killed_worker(serial, model, cache, tmp_path):
    """A rerun gives the table of the serial sweep; what was finished before is not touched."""
    psutil = pytest.importorskip("psutil")
    process = subprocess.Popen(
        [sys.executable, *command(model, "launcher=joblib", "hydra.launcher.n_jobs=2")],
        cwd=tmp_path,
        env=environment(cache),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until = time.monotonic() + 200
        while not finished(tmp_path) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        workers = [p for p in psutil.Process(process.pid).children() if "LokyProcess" in " ".join(p.cmdline())]
        assert len(workers) == 2, process.stdout
        os.kill(workers[0].pid, signal.SIGKILL)
        process.communicate(timeout=100)
        assert process.returncode != 0
    finally:
        process.kill()
    before = finished(tmp_path)
    assert 1 <= len(before) < JOBS
    results = {name: sweep_folder(tmp_path) / name / "results.json" for name in before}
    stamps = {name: (path.stat().st_ino, path.stat().st_mtime_ns) for name, path in results.items()}
    printed = multirun(model, tmp_path, cache, "launcher=joblib", "hydra.launcher.n_jobs=2")
    skipped = re.findall(r"^skipped +(\S+): finished before$", printed, re.MULTILINE)
    assert set(skipped) == before
    assert {name: (path.stat().st_ino, path.stat().st_mtime_ns) for name, path in results.items()} == stamps
    assert table(tmp_path) == table(serial)
    threads = {json.loads(path.read_text())["threads"] for path in sweep_folder(tmp_path).glob("*/environment.json")}
    assert threads == {max(1, cores() // 2)}


def cores() -> int:
    import joblib

    return joblib.cpu_count()


@pytest.fixture
def cluster(tmp_path):
    """The address of a Ray head with two workers' worth of cores, alone on this machine."""
    pytest.importorskip("ray", reason="pip install 'uncone[ray]'")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ray = Path(sys.executable).with_name("ray")
    elsewhere = tmp_path / "of_the_cluster"
    elsewhere.mkdir()
    options = ("--num-cpus=2", "--include-dashboard=false", "--object-store-memory=80000000", "--disable-usage-stats")
    head = subprocess.Popen(
        [str(ray), "start", "--head", "--block", f"--port={port}", "--node-ip-address=127.0.0.1", *options],
        cwd=elsewhere,
        env=environment(elsewhere / "cache"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and head.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"127.0.0.1:{port}"
    finally:
        head.terminate()
        try:
            head.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(head.pid, signal.SIGKILL)


def test_ray_gives_the_same_table_and_encodes_each_text_set_once(serial, model, cluster, tmp_path):
    cache = tmp_path / "cache"
    multirun(model, tmp_path, cache, "launcher=ray", f"hydra.launcher.address={cluster}")
    assert table(tmp_path) == table(serial)
    logs = [path.read_text() for path in sweep_folder(tmp_path).glob("*/output.log")]
    computed = sum(int(re.search(r"(\d+) computed", " ".join(log.split()))[1]) for log in logs)
    assert len(logs) == JOBS
    assert computed == len(list(cache.glob("*/entry.json"))) > 0
    assert list((tmp_path / "of_the_cluster").iterdir()) == []


@pytest.mark.slow
def test_submitit_gives_the_same_rows(serial, model, cache, tmp_path):
    """Of two of the jobs, each in a process of its own."""
    pytest.importorskip("submitit", reason="pip install 'uncone[submitit]'")
    multirun(model, tmp_path, cache, "launcher=submitit_local", "seed=0")
    rows, expected = (list(csv.DictReader(table(folder).splitlines())) for folder in (tmp_path, serial))
    assert rows == [row for row in expected if row["seed"] == "0"] != []


@pytest.fixture
def restored(serial, tmp_path):
    """The serial sweep, to be changed where it stands: its checkpoints know their folder."""
    shutil.copytree(serial / "outputs", tmp_path / "outputs")
    yield serial
    shutil.rmtree(serial / "outputs")
    shutil.copytree(tmp_path / "outputs", serial / "outputs")


def test_an_interrupted_job_continues_and_a_failed_one_is_told(restored, model, cache):
    """It ends in the same results; a layer that there is not costs the exit code, and the table says why."""
    sweep, before = sweep_folder(restored), table(restored)
    interrupted, damaged = (path.parent for path in sorted(sweep.glob("*/results.json"))[:2])
    for job in (interrupted, damaged):
        record = json.loads((job / "job.json").read_text())
        (job / "job.json").write_text(json.dumps(record | {"status": "running"}))
    checkpoint = damaged / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    printed, failed = in_this_process(model, restored, cache, "encoder.layers=1,2,99", f"sweep_name='{sweep.name}'")
    assert f"continues {interrupted.name}" in printed
    assert f"starts    {damaged.name}" in printed
    assert len(re.findall("^skipped", printed, re.MULTILINE)) == JOBS - 2
    assert f"{len(SEEDS)} of the jobs failed" in failed
    assert "Traceback" not in printed + failed
    assert table(restored) == before
    assert len(re.findall("failed.*unknown layers 99", (sweep / "results.md").read_text())) == len(SEEDS)
