"""How scores become classes: ties, thresholds, and taking weights off again."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from lib.data import SOURCES
from lib.decisions import DECISIONS, Context, Rule, class_scores, effective_shift
from lib.losses import LOSSES
from lib.registry import Params
from lib.sampling import SAMPLERS
from lib.thresholds import CRITERIA, best_threshold
from lib.weighting import class_weights
from tests.examples import params_of

EVERY = list(DECISIONS)
OF_CLASSES = [key for key in EVERY if "binary" in DECISIONS[key].tasks]


def context(counts, weight=None, seen=None, shift=None):
    counts = torch.as_tensor(counts).double()
    ones, zeros = torch.ones_like(counts), torch.zeros_like(counts)
    return Context(
        counts, ones if weight is None else torch.as_tensor(weight).double(),
        counts if seen is None else torch.as_tensor(seen).double(), zeros if shift is None else torch.as_tensor(shift).double(),
    )  # fmt: skip


def rule_of(key, scores, about, y=None, **params):
    values = {param.name: param.default for param in DECISIONS[key].params} | params
    y = torch.zeros(scores.shape[:-1], dtype=torch.int64) if y is None else y
    return DECISIONS[key].function(scores, y, about, **values)


def log_odds(p):
    return math.log(p / (1 - p))


@pytest.mark.parametrize("key", OF_CLASSES)
@given(data=some.data(), rows=some.integers(0, 20), classes=some.integers(2, 6), seed=some.integers(0, 99))
def test_a_rule_gives_each_row_a_class(key, data, rows, classes, seed):
    classes = 2 if "multiclass" not in DECISIONS[key].tasks else classes
    g = torch.Generator().manual_seed(seed)
    scores = torch.randn(rows, classes, generator=g)
    counts = data.draw(some.lists(some.integers(0, 1000), min_size=classes, max_size=classes).filter(any))
    about = context(counts, weight=torch.rand(classes, generator=g))
    rule = rule_of(key, scores, about, **data.draw(params_of(DECISIONS[key])))
    assert isinstance(rule, Rule) and rule.offset.shape == (classes,) and torch.isfinite(rule.offset).all()
    assert rule(scores).shape == (rows,)
    together = rule(scores.expand(3, -1, -1))
    assert all(torch.equal(own, rule(scores)) for own in together)


@pytest.mark.parametrize("key", [key for key in EVERY if "multilabel" in DECISIONS[key].tasks])
@given(data=some.data(), labels=some.integers(1, 5), seed=some.integers(0, 99))
def test_a_rule_of_several_labels_decides_each_as_if_it_were_alone(key, data, labels, seed):
    g = torch.Generator().manual_seed(seed)
    scores, counts = torch.randn(labels, 7, 2, generator=g), torch.randint(1, 1000, (labels, 2), generator=g).double()
    params, y = data.draw(params_of(DECISIONS[key])), torch.randint(0, 2, (labels, 7), generator=g)
    if key == "label_thresholds":
        params = {"thresholds": tuple(data.draw(some.lists(some.floats(0.01, 0.99), min_size=labels, max_size=labels)))}
    together = rule_of(key, scores, context(counts, weight=counts / 7), y, **params)(scores)
    for label in range(labels):
        if key == "label_thresholds":
            own, about = scores[label : label + 1], context(counts[label : label + 1])
            alone = rule_of(key, own, about, y[label : label + 1], thresholds=params["thresholds"][label : label + 1])(own)[0]
        else:
            own = scores[label]
            alone = rule_of(key, own, context(counts[label], weight=counts[label] / 7), y[label], **params)(own)
        assert torch.equal(together[label], alone)


def test_ties_go_to_the_lowest_class():
    scores = torch.tensor([[1.0, 1.0, 1.0], [0.0, 2.0, 2.0]])
    assert rule_of("argmax", scores, context([1, 1, 1]))(scores).tolist() == [0, 1]


def test_one_logit_is_a_score_against_0_and_positive_when_strictly_above():
    scores = class_scores(torch.tensor([[-1.0], [0.0], [1e-6]]), one_logit=True)
    assert scores.tolist()[1] == [0, 0]
    assert rule_of("argmax", scores, context([9, 1]))(scores).tolist() == [0, 0, 1]
    many = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert class_scores(many, one_logit=False) is many


@given(t=some.floats(0.0001, 0.9999), p=some.floats(0.001, 0.999))
def test_a_threshold_says_yes_strictly_above_it(t, p):
    scores = torch.tensor([[0.0, log_odds(p)]], dtype=torch.float64)
    if abs(p - t) > 1e-9:
        assert rule_of("threshold", scores, context([1, 1]), threshold=t)(scores).item() == int(p > t)


def test_exactly_at_the_threshold_the_answer_is_no():
    scores = torch.tensor([[0.0, 0.0]])
    assert rule_of("threshold", scores, context([1, 1]), threshold=0.5)(scores).item() == 0


@given(w=some.floats(0.01, 100), p=some.floats(0.001, 0.999))
def test_a_weight_at_one_half_is_a_threshold_without_the_weight(w, p):
    """Elkan: pos_weight w at 0.5 equals the threshold 1 / (1 + w) on the unweighted posterior."""
    plain = torch.tensor([[0.0, log_odds(p)]], dtype=torch.float64)
    weighted = plain + torch.tensor([0.0, math.log(w)])
    if abs(log_odds(p) + math.log(w)) > 1e-9:
        at_half = rule_of("argmax", weighted, context([1, 1]))(weighted)
        assert at_half == rule_of("threshold", plain, context([1, 1]), threshold=1 / (1 + w))(plain)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_logit_adjustment_divides_by_the_class_shares(tau):
    p = torch.rand(200, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p, counts = p / p.sum(1, keepdim=True), [700, 200, 90, 10]
    share = torch.tensor(counts).double() / 1000
    ours = rule_of("logit_adjust", p.log(), context(counts), tau=tau)(p.log())
    assert torch.equal(ours, (p / share**tau).argmax(1))


def test_logit_adjustment_never_favours_a_class_without_rows():
    scores = torch.tensor([[1.0, 0.0, 0.5]])
    assert rule_of("logit_adjust", scores, context([90, 10, 0]))(scores).item() == 1


@pytest.mark.parametrize("scheme", ["balanced", "sqrt", "effective_number"])
@pytest.mark.parametrize("sampler", list(SAMPLERS))
@pytest.mark.parametrize("loss", list(LOSSES))
def test_undo_takes_the_scores_of_the_optimum_back_to_the_posterior(scheme, sampler, loss):
    """The optimum of a weighted, resampled loss is q_c ~ w_c (pi'_c / pi_c) eta_c, moved by what the loss itself adds."""
    classes = 3 if LOSSES[loss].scores == "per class" else 2
    counts = torch.tensor([800.0, 150.0, 50.0], dtype=torch.float64)[:classes]
    weight = class_weights(scheme, counts)
    defaults = {param.name: param.default for param in SAMPLERS[sampler].params}
    seen = SAMPLERS[sampler].seen_counts(counts, defaults)
    shift_of, values = LOSSES[loss].log_shift, {param.name: param.default for param in LOSSES[loss].params}
    shift = torch.zeros(classes) if shift_of is None else shift_of(counts, values)
    eta = torch.rand(50, classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    eta = eta / eta.sum(1, keepdim=True)
    optimum = (eta * weight * seen / counts).log() + shift
    rule = rule_of("undo", optimum, context(counts.tolist(), weight, seen, shift))
    torch.testing.assert_close((optimum + rule.offset).softmax(1), eta)
    assert DECISIONS["undo"].recalibrates


def test_weights_and_a_weighted_sampler_together_square_the_weight():
    counts = torch.tensor([99.0, 1.0], dtype=torch.float64)
    shift = effective_shift(
        counts, class_weights("balanced", counts), SAMPLERS["weighted_random"].seen_counts(counts, {"power": 1.0}),
        torch.zeros(2),
    )  # fmt: skip
    assert float((shift[1] - shift[0]).exp()) == pytest.approx(99 * 99)


def test_a_class_that_teaches_nothing_is_not_undone():
    shift = effective_shift(torch.tensor([90.0, 10, 0]), torch.tensor([1.0, 0, 5]), torch.tensor([90.0, 10, 0]), torch.zeros(3))
    assert shift.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("alpha", "shift"), [(0.25, [0, -math.log(3)]), (0.75, [-math.log(3), 0]), (0.0, [0, 0]), (1.0, [0, 0])]
)
def test_alpha_is_undone_unless_it_silences_a_class(alpha, shift):
    counts, one = torch.tensor([90.0, 10.0], dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    own = LOSSES["sigmoid_focal"].log_shift(counts, {"alpha": alpha, "gamma": 0.0})
    assert effective_shift(counts, one, counts, own).tolist() == pytest.approx(shift)


def test_only_undo_changes_what_probabilities_mean():
    assert [key for key in EVERY if DECISIONS[key].recalibrates] == ["undo"]


def test_every_decision_fits_a_task_of_some_source():
    tasks = {
        source.task_of(Params({p.name: p.default for p in source.params}))
        for source in SOURCES.values()
        if source.kind == "recipe"
    }
    assert all(set(DECISIONS[key].tasks) & tasks for key in EVERY)


@pytest.mark.parametrize("metric", CRITERIA)
def test_tuned_says_what_the_best_threshold_on_validation_says(metric):
    g = torch.Generator().manual_seed(0)
    y = (torch.rand(500, generator=g) < 0.1).long()
    scores = class_scores((torch.randn(500, generator=g) + 2 * y - 3).unsqueeze(1), one_logit=True)
    rule = DECISIONS["tuned"].function(scores, y, context([450, 50]), metric=metric, beta=1.0)
    at = best_threshold(y.numpy(), scores[:, 1].double().numpy(), metric)
    assert rule.offset.tolist() == [0.0, -at] and at < 0
    assert torch.equal(rule(scores) == 1, scores[:, 1].double() > at)


def test_tuned_finds_rare_classes_among_several():
    g = torch.Generator().manual_seed(1)
    y = torch.multinomial(torch.tensor([0.9, 0.08, 0.02]), 2000, replacement=True, generator=g)
    scores = torch.randn(2000, 3, generator=g) + 1.5 * torch.eye(3)[y] + torch.tensor([0.9, 0.08, 0.02]).log()
    rule = DECISIONS["tuned"].function(scores, y, context([9, 8, 2]), metric="balanced_accuracy", beta=1.0)
    recalls = [(rule(scores)[y == c] == c).double().mean().item() for c in range(3)]
    plain = [(scores.argmax(1)[y == c] == c).double().mean().item() for c in range(3)]
    assert sum(recalls) > sum(plain) + 0.5 and rule.offset[0] == 0 and rule.offset[2] > 1


@pytest.mark.parametrize("scores", [torch.zeros(0, 2), torch.full((3, 2), torch.nan), torch.eye(3)])
def test_tuned_changes_nothing_where_nothing_can_be_chosen(scores):
    y, about = torch.zeros(len(scores)).long(), context([1] * scores.shape[1])
    rule = DECISIONS["tuned"].function(scores, y, about, metric="mcc", beta=1.0)
    assert rule.offset.tolist() == [0] * scores.shape[1]
