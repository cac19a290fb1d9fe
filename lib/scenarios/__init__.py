"""Ready experiments with a story, one file per theme. Importing the package fills `SCENARIOS`."""

from lib.scenarios import rare, tasks, weights, trust, over_time  # isort: skip - the order of the gallery
from lib.scenarios.scenario import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "over_time", "rare", "tasks", "trust", "weights"]
