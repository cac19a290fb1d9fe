"""Ready experiments with a story, one file per theme. Importing the package fills `SCENARIOS`."""

from lib.scenarios import rare, tasks, weights
from lib.scenarios.scenario import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "rare", "tasks", "weights"]
