"""What the README shows is what the project holds."""

import json
import re
from pathlib import Path

from lib.experiment import Experiment
from lib.scenarios import SCENARIOS

ROOT = Path(__file__).parents[1]
PAGES = ("start", "data", "compare", "decisions", "dial", "receipt", "guide", "sweep", "present")
README = (ROOT / "README.md").read_text("utf-8")


def test_the_block_of_a_loss_is_the_real_one() -> None:
    [block] = re.findall(r"```python\n(.*?)\n```", README, re.DOTALL)
    assert block in (ROOT / "lib/losses/focal.py").read_text("utf-8")


def test_the_experiment_is_one() -> None:
    [text] = re.findall(r"```json\n(.*?)\n```", README, re.DOTALL)
    experiment = Experiment.from_json(text)
    assert [strategy.name for strategy in experiment.strategies] == ["plain", "balanced"]
    assert json.loads(text)["format"] == 1


def test_every_path_and_command_exists() -> None:
    for path in re.findall(r"`((?:lib|tests|pages|static)/[\w./]*)`", README):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m ([\w.]+)", README):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module


def test_every_page_has_a_picture_in_light_and_dark_and_they_are_small() -> None:
    shown = re.findall(r'(?:srcset|src)="(static/[^"]*)"', README)
    assert shown and {f"static/{page}-{theme}.png" for page in PAGES for theme in ("light", "dark")} == set(shown)
    sizes = [(ROOT / picture).stat().st_size for picture in shown]
    assert max(sizes) < 150_000 and sum(sizes) < 2_000_000


def test_the_tour_names_scenarios_that_exist() -> None:
    assert len(SCENARIOS) >= 9 and "weights that cancel" in README
