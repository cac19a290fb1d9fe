"""Decisions found on validation rows, as a strategy would hold them: a key of DECISIONS and its numbers."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lib.decisions import DECISIONS, Rule
from lib.operating.costs import Costs
from lib.operating.points import Points
from lib.operating.scored import Scored, probability
from lib.registry import check_params
from lib.thresholds import Tally, criterion
from lib.training import decide

TAUS = np.round(np.arange(0, 3.01, 0.1), 1)


@dataclass(frozen=True)
class Choice:
    """`why` it was chosen, in the words of a table; `decision` and `params` as a strategy has them."""

    why: str
    decision: str
    params: Mapping[str, float | str]

    @property
    def label(self) -> str:
        record = DECISIONS[self.decision]
        numbers = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in self.params.values()]
        return record.label + (f" ({', '.join(numbers)})" if numbers else "")


def at_threshold(score: float, why: str) -> Choice:
    """The decision of a binary strategy at a threshold on its log odds as trained, as near as the decision's range allows."""
    param = DECISIONS["threshold"].params[0]
    assert param.low is not None and param.high is not None
    p = min(max(float(f"{float(probability(score)):.6g}"), param.low), param.high)
    return Choice(why, "threshold", {"threshold": p})


def choices(one: Scored, metric: str, beta: float = 1.0, costs: Costs | None = None) -> list[Choice]:
    """What there is to choose from for a strategy, each fitted on validation rows."""
    found = [Choice("the largest score", "argmax", {})]
    if one.own_threshold is not None:
        points = Points(one.index, one.name, one.sample("validation", 1, undone=False))
        if points.both_classes:
            found.append(at_threshold(points.best(metric, beta)[0], f"best {metric.replace('_', ' ')}"))
            if costs is not None:
                found.append(at_threshold(points.cheapest(costs)[0], "cheapest"))
    tuned = {"metric": metric} | ({"beta": beta} if metric == "f_beta" else {})
    found.append(Choice(f"best {metric.replace('_', ' ')}, found anew in each training", "tuned", tuned))
    found.append(Choice("weights taken off", "undo", {}))
    found.append(Choice(f"best {metric.replace('_', ' ')} among tau", "logit_adjust", {"tau": best_tau(one, metric, beta)}))
    return found


def rule_of(one: Scored, choice: Choice) -> Rule:
    """The rule of a choice, fitted on this run's validation rows."""
    run = one.model.run
    params = check_params(choice.params, DECISIONS[choice.decision].params, f"decision {choice.decision}")
    strategy = dataclasses.replace(run.strategy, decision=choice.decision, decision_params=params)
    scores, y = one.scores["validation"], one.dataset.validation.y
    return decide(dataclasses.replace(run, strategy=strategy), one.model.epoch, scores, y)


def predictions(one: Scored, choice: Choice, split: str) -> NDArray[np.int64]:
    """Classes [N] of a split's rows."""
    return rule_of(one, choice)(one.scores[split]).numpy()


def best_tau(one: Scored, metric: str, beta: float = 1.0) -> float:
    """The tau of logit adjustment that is best on validation rows; among equal ones the smallest."""
    y = one.dataset.validation.y.numpy()
    classes = len(one.shift)
    rows = np.bincount(y, minlength=classes).astype(float)
    values = []
    for tau in TAUS:
        said = predictions(one, Choice("", "logit_adjust", {"tau": float(tau)}), "validation")
        hits = np.bincount(y[y == said], minlength=classes).astype(float)
        values.append(float(criterion(metric, Tally(hits, np.bincount(said, minlength=classes).astype(float), rows), beta)))
    return float(TAUS[int(np.nanargmax(values))]) if np.isfinite(values).any() else 1.0
