"""What a threshold costs, and which is cheapest (Elkan 2001)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.operating.scored import logit, probability
from lib.thresholds import Cuts, best

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Costs:
    """Cost of a missed row (false negative, c01) and of a false alarm (false positive, c10), in any unit.

    `prior` is the share of yes where the decisions will be made; None: as in the rows at hand. Raises ValueError for costs
    that are negative, infinite or both 0, and for a prior that is not strictly between 0 and 1.
    """

    miss: float = 1.0
    alarm: float = 1.0
    prior: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("a missed row", self.miss), ("a false alarm", self.alarm)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"The cost of {name} must be a number of at least 0, got {value:g}. Enter what it costs you.")
        if self.miss == self.alarm == 0:
            raise ValueError("At least one of the two costs must be above 0, got 0 and 0. Without costs no threshold is best.")
        if self.prior is not None and not 0 < self.prior < 1:
            raise ValueError(f"The share at deployment must be between 0 and 1, both left out, got {self.prior:g}.")

    @property
    def elkan(self) -> float:
        """p* = c10 / (c10 + c01): say yes above it, if p is the probability at deployment."""
        return self.alarm / (self.alarm + self.miss)

    def threshold(self, prior: float) -> float:
        """p* on probabilities that were learned where the share of yes is `prior`: the odds of the two priors apart."""
        if self.prior is None or not 0 < prior < 1:
            return self.elkan
        return float(probability(logit(self.elkan) - logit(self.prior) + logit(prior)))

    @property
    def remark(self) -> str | None:
        """What is odd about these costs; None where nothing is."""
        if self.miss == 0:
            return "A missed row costs nothing, so never saying yes is cheapest."
        if self.alarm == 0:
            return "A false alarm costs nothing, so always saying yes is cheapest."
        return None


def expected_cost(tp: Array, fp: Array, positives: float, negatives: float, costs: Costs) -> Array:
    """Cost per row where the share of yes is the prior: prior FNR c01 + (1 - prior) FPR c10. NaN without rows of a class."""
    if not (positives and negatives):
        return np.full(np.shape(tp), np.nan)
    prior = positives / (positives + negatives) if costs.prior is None else costs.prior
    return np.asarray(prior * (1 - tp / positives) * costs.miss + (1 - prior) * (fp / negatives) * costs.alarm)


def cheapest(found: Cuts, costs: Costs) -> tuple[float, float]:
    """The cheapest threshold over all of them, on the log odds, and its cost; ties as `lib.thresholds.best` has them."""
    threshold, value = best(-expected_cost(found.tp, found.fp, found.positives, found.negatives, costs), found)
    return threshold, -value


def alerts(tp: Array, fp: Array, positives: float, negatives: float, prior: float | None = None) -> Array:
    """The share of rows that get a yes, where the share of positives is `prior` (None: as here). NaN without rows."""
    rows = positives + negatives
    if not rows or (prior is not None and not (positives and negatives)):
        return np.full(np.shape(tp), np.nan)
    return (tp + fp) / rows if prior is None else prior * tp / positives + (1 - prior) * fp / negatives
