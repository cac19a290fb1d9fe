"""The contract of every loss in the registry, whatever its family, and the one reduction."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import nn
from torch.nn import functional

from lib.losses import LOSSES, coefficients, reduce
from tests.examples import params_of
from tests.losses.agreement import assert_agree, criterion, random, value_and_gradient

SOFTMAX = [loss for loss in LOSSES.values() if loss.scores == "per class"]
YES_NO = [loss for loss in LOSSES.values() if loss.scores == "one"]
EVERY = [*SOFTMAX, *YES_NO]
by_key = {"ids": lambda loss: loss.key}
SIZES = some.integers(1, 6)


def values_drawn(data, loss):
    return {param.name: param.default for param in loss.params} | data.draw(params_of(loss))


def context_of(loss, lead, classes, dtype, g):
    """Class context with the leading dimensions of the logits."""
    shapes = {"class_weight": (*lead, classes), "class_counts": (*lead, classes)}
    return {name: torch.rand(shapes[name], generator=g, dtype=dtype) * 9 + 1 for name in loss.context}


def drawn(loss, shape, g, dtype=torch.float64, classes=3, spread=3.0):
    """Logits and targets of a loss: terms have `shape`."""
    own = (*shape, classes) if loss.scores == "per class" else shape
    targets = torch.randint(classes if loss.scores == "per class" else 2, shape, generator=g)
    return spread * torch.randn(own, generator=g, dtype=dtype), targets


@pytest.mark.parametrize("loss", EVERY, **by_key)
@given(data=some.data(), lead=some.lists(SIZES, max_size=2), rows=SIZES, classes=some.integers(2, 6), seed=some.integers(0, 99))
def test_leading_dimensions_are_free(loss, data, lead, rows, classes, seed):
    g = random(seed)
    trailing = (rows,) if loss.scores == "per class" or data.draw(some.booleans()) else (rows, data.draw(SIZES))
    logits, targets = drawn(loss, (*lead, *trailing), g, classes=classes)
    params, context = values_drawn(data, loss), context_of(loss, tuple(lead), classes, torch.float64, g)
    terms = loss.function(logits, targets, **params, **context)
    assert terms.shape == targets.shape and terms.dtype == logits.dtype
    runs = torch.Size(lead).numel()
    flat = zip(
        logits.reshape(runs, *logits.shape[len(lead) :]), targets.reshape(runs, *trailing), terms.reshape(runs, *trailing),
        range(runs), strict=True,
    )  # fmt: skip
    for z, y, stacked, run in flat:
        own = {name: value.reshape(runs, -1)[run] for name, value in context.items()}
        torch.testing.assert_close(loss.function(z, y, **params, **own), stacked, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loss", [loss for loss in EVERY if loss.params], **by_key)
@given(data=some.data(), rows=SIZES, runs=some.integers(1, 4), seed=some.integers(0, 99))
def test_parameters_as_one_column_per_run_agree_with_numbers(loss, data, rows, runs, seed):
    g = random(seed)
    logits, targets = drawn(loss, (runs, rows), g)
    context = context_of(loss, (runs,), 3, torch.float64, g)
    each = [values_drawn(data, loss) for _ in range(runs)]
    kinds = {param.name: torch.int64 if isinstance(param.default, int) else torch.float64 for param in loss.params}
    columns = {name: torch.tensor([[values[name]] for values in each], dtype=kind) for name, kind in kinds.items()}
    together = loss.function(logits, targets, **columns, **context)
    for run, values in enumerate(each):
        own = {name: value[run] for name, value in context.items()}
        torch.testing.assert_close(
            together[run], loss.function(logits[run], targets[run], **values, **own), rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("loss", EVERY, **by_key)
@given(data=some.data(), seed=some.integers(0, 999))
def test_logits_of_100_give_finite_losses_and_gradients_in_float32(loss, data, seed):
    g = random(seed)
    logits, targets = drawn(loss, (16,), g, dtype=torch.float32)
    extreme = torch.tensor([-100.0, 100.0, 0.0, 16.7, -89.0])[torch.randint(5, logits.shape, generator=g)]
    counts = torch.tensor([9000.0, 900, 1])[: 3 if loss.scores == "per class" else 2]
    ours = criterion(
        loss.key, targets, params=values_drawn(data, loss) | ({"ignore_index": -100} if "ignore" in str(loss.params) else {}),
        class_weight=1000 / counts, class_counts=counts, task="binary",
    )  # fmt: skip
    value, gradient = value_and_gradient(ours, extreme)
    assert torch.isfinite(value) and torch.isfinite(gradient).all()


@pytest.mark.parametrize("loss", EVERY, **by_key)
@given(data=some.data(), seed=some.integers(0, 99))
def test_a_gradient_is_the_slope_of_its_loss(loss, data, seed):
    g = random(seed)
    logits, targets = drawn(loss, (4,), g, spread=1.5)
    params, context = values_drawn(data, loss), context_of(loss, (), 3, torch.float64, g)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss.function(z, targets, **params, **context), logits, atol=1e-4)


@pytest.mark.parametrize("loss", EVERY, **by_key)
@given(data=some.data(), seed=some.integers(0, 99), rows=some.integers(3, 30))
def test_the_code_that_is_shown_is_the_loss_that_is_trained(loss, data, seed, rows):
    g = random(seed)
    logits, targets = drawn(loss, (rows,), g)
    params = values_drawn(data, loss)
    if "ignore_index" in params:
        params["ignore_index"] = data.draw(some.sampled_from([-100, 0, 2]))
        targets[0] = 1  # a batch without any row left is NaN in both
    weight = torch.rand(3 if loss.scores == "per class" else 2, generator=g, dtype=torch.float64) * 9 + 0.1
    counts = torch.tensor([70.0, 20.0, 10.0], dtype=torch.float64)[: len(weight)]
    names = {
        "nn": nn, "F": functional, "torch": torch, "class_weight": weight, "class_counts": counts,
        "scale": weight[0], "pos_weight": weight[1] / weight[0],
    }  # fmt: skip
    exec(loss.code.format(**params), names)
    shown = targets if loss.scores == "per class" else targets.double()
    ours = criterion(loss.key, targets, params=params, class_weight=weight, class_counts=counts, task="binary")
    assert_agree(ours, lambda z: names["criterion"](z, shown), logits)


@pytest.mark.parametrize("loss", [loss for loss in EVERY if loss.weighs_itself], **by_key)
@given(data=some.data(), seed=some.integers(0, 99))
def test_a_loss_that_weighs_itself_and_is_separable_leaves_the_weight_to_the_caller(loss, data, seed):
    g = random(seed)
    logits, targets = drawn(loss, (2, 8), g)
    params = values_drawn(data, loss) | data.draw(some.sampled_from([{}, {"label_smoothing": 0.0}]))
    weight = torch.rand(2, 3, generator=g, dtype=torch.float64)
    if loss.separable is not None and loss.separable(params):
        own = weight.gather(-1, targets) * (targets != params.get("ignore_index", -100))
        plain = loss.function(logits, targets, **params | {"class_weight": None})
        weighted = loss.function(logits, targets, **params | {"class_weight": weight})
        torch.testing.assert_close(own * plain, own.bool() * weighted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", EVERY, **by_key)
def test_the_code_names_every_parameter(loss):
    assert all("{" + param.name + "}" in loss.code for param in loss.params)


@pytest.mark.parametrize("loss", EVERY, **by_key)
def test_a_loss_states_a_reduction_a_link_and_tasks_that_fit_its_scores(loss):
    assert loss.reduction in ("weighted_mean", "mean", "sum") and loss.link in ("softmax", "sigmoid", "none")
    fitting = {"binary", "multiclass"} if loss.scores == "per class" else {"binary", "multilabel", "sequence"}
    assert loss.tasks and set(loss.tasks) <= fitting


@given(seed=some.integers(0, 99), runs=some.integers(1, 4), rows=SIZES, steps=SIZES)
def test_the_reduction_is_its_three_sums(seed, runs, rows, steps):
    g = random(seed)
    shape = (runs, rows, steps)
    terms, w, s = (torch.rand(shape, generator=g, dtype=torch.float64) + 0.1 for _ in range(3))
    m = torch.rand(shape, generator=g, dtype=torch.float64) < 0.6
    m[..., 0] = True
    top = (m * s * w * terms).sum((1, 2))
    for reduction, divisor in (("weighted_mean", (m * s * w).sum((1, 2))), ("mean", m.sum((1, 2))), ("sum", 1)):
        ours = reduce(terms, coefficients(reduction, w, sample_weight=s, mask=m, leading=1), leading=1)
        torch.testing.assert_close(ours, top / divisor, rtol=1e-12, atol=0)
        itself = coefficients(reduction, w, sample_weight=s, mask=m, leading=1, weighs_itself=True)
        torch.testing.assert_close(reduce(w * terms, itself, leading=1), top / divisor, rtol=1e-12, atol=0)


def test_a_mask_and_sample_weights_may_be_broadcast():
    w = torch.ones(4, 3, dtype=torch.float64)
    s, m = torch.tensor([[1.0], [2], [3], [4]], dtype=torch.float64), torch.tensor([1.0, 1, 0], dtype=torch.float64)
    for reduction, divisor in (("weighted_mean", 20), ("mean", 8), ("sum", 1)):
        factors = coefficients(reduction, w, sample_weight=s, mask=m)
        torch.testing.assert_close(factors, s * m / divisor)
