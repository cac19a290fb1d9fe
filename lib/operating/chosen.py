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
from lib.strategy import Strategy
from lib.tasks import READINGS
from lib.thresholds import Tally, criterion
from lib.training import decide

TAUS = np.round(np.arange(0, 3.01, 0.1), 1)


@dataclass(frozen=True)
class Choice:
    """`why` it was chosen, in the words of a table; `decision` and `params` as a strategy has them.

    `of`: of several labels, the one whose threshold was chosen; the others have those that the strategy decides by.
    """

    why: str
    decision: str
    params: Mapping[str, float | str | tuple[float, ...]]
    of: int | None = None

    @property
    def label(self) -> str:
        record = DECISIONS[self.decision]
        values = [f"{v[self.of or 0]:.4g} here" if isinstance(v, tuple) else v for v in self.params.values()]
        told = [f"{value:.4g}" if isinstance(value, float) else str(value).replace("_", " ") for value in values]
        return record.label + (f" ({', '.join(told)})" if told else "")


def at_threshold(one: Scored, score: float, why: str) -> Choice:
    """The decision of a yes/no strategy at a threshold on its log odds as trained, as near as the decision's range allows."""
    p = _allowed(float(probability(score)))
    if one.label is None:
        return Choice(why, "threshold", {"threshold": p})
    own = [_allowed(threshold) for threshold in one.label_thresholds]
    own[one.label] = p
    return Choice(why, "label_thresholds", {"thresholds": tuple(own)}, one.label)


def _allowed(p: float) -> float:
    """Within the range of the decision, in six digits."""
    param = DECISIONS["threshold"].params[0]
    assert param.low is not None and param.high is not None
    return min(max(float(f"{p:.6g}"), param.low), param.high)


def beside(choice: Choice, strategy: Strategy) -> Choice:
    """A label's threshold among those that a strategy has by now; any other choice as it is."""
    chosen, present = choice.params.get("thresholds"), strategy.decision_params.get("thresholds")
    if choice.of is None or not isinstance(chosen, tuple) or present is None or len(present) not in (1, len(chosen)):
        return choice
    own = list(present * (len(chosen) // len(present)))
    own[choice.of] = chosen[choice.of]
    return dataclasses.replace(choice, params={"thresholds": tuple(own)})


def choices(one: Scored, metric: str, beta: float = 1.0, costs: Costs | None = None) -> list[Choice]:
    """What there is to choose from for a strategy, each fitted on validation rows."""
    found = [Choice("the largest score", "argmax", {})]
    if one.own_threshold is not None:
        points = Points(one.index, one.name, one.sample("validation", 1, undone=False))
        if points.both_classes:
            found.append(at_threshold(one, points.best(metric, beta)[0], f"best {metric.replace('_', ' ')}"))
            if costs is not None:
                found.append(at_threshold(one, points.cheapest(costs)[0], "cheapest"))
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
    y = READINGS[one.dataset.task].targets(one.dataset.validation)
    rule = decide(dataclasses.replace(run, strategy=strategy), one.model.epoch, one.all_scores["validation"], y)
    return rule if one.label is None else Rule(rule.offset[one.label])


def predictions(one: Scored, choice: Choice, split: str) -> NDArray[np.int64]:
    """Classes [N] of a split's rows."""
    return rule_of(one, choice)(one.scores[split]).numpy()


def best_tau(one: Scored, metric: str, beta: float = 1.0) -> float:
    """The tau of logit adjustment that is best on validation rows; among equal ones the smallest."""
    y = one.truth("validation")
    classes = len(one.shift)
    rows = np.bincount(y, minlength=classes).astype(float)
    values = []
    for tau in TAUS:
        said = predictions(one, Choice("", "logit_adjust", {"tau": float(tau)}), "validation")
        hits = np.bincount(y[y == said], minlength=classes).astype(float)
        values.append(float(criterion(metric, Tally(hits, np.bincount(said, minlength=classes).astype(float), rows), beta)))
    return float(TAUS[int(np.nanargmax(values))]) if np.isfinite(values).any() else 1.0
