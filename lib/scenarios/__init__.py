"""Ready experiments with a story, one file per theme. Importing the package fills `SCENARIOS`."""

from lib.scenarios import over_time, rare, trust, weights
from lib.scenarios.scenario import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "Scenario", "over_time", "rare", "trust", "weights"]
