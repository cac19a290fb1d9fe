"""Decisions: how scores become classes.

Every decision here adds a number per class to the scores and takes the largest, ties to the lowest class: argmax adds
nothing, a threshold t adds -logit(t) to the positive class, undo adds -log of the weights. One logit counts as the two
scores (0, z), so that a binary decision is positive when the score is strictly above the threshold.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lib.data import TASKS, Task
from lib.registry import Param, Registry
from lib.thresholds import CRITERIA, best_offsets, best_threshold


@dataclass(frozen=True, eq=False)
class Context:
    """What a decision may know of how the run was trained; all [C], of several labels [L, 2], float64.

    `seen_counts` are the class counts in the proportions that the sampler shows; `loss_shift` is how far the loss itself
    moves its optimum's log odds.
    """

    class_counts: Tensor
    class_weight: Tensor
    seen_counts: Tensor
    loss_shift: Tensor


@dataclass(frozen=True, eq=False)
class Rule:
    """Scores [..., N, C] -> classes [..., N]. `offset` [..., C] is added to the scores."""

    offset: Tensor

    def __call__(self, scores: Tensor) -> Tensor:
        return (scores + self.offset.to(scores.dtype).unsqueeze(-2)).argmax(-1)


@dataclass(frozen=True)
class Decision:
    """`function(scores, y, context, **params) -> Rule`, fitted on validation: scores [N, C], y [N].

    Of several labels scores are [L, N, 2] and y [L, N], and the offset may be [L, 2]: one threshold per label.

    `recalibrates`: probabilities are read after the offset, not before (the offset corrects them). `code` defines `offset` [C]
    in plain PyTorch, from `scores` [N, C] and `y` [N] of validation and the fields of `Context`; empty: nothing is added.
    Of several labels it gets the scores and targets of one of them, or counts and weights [L, 2] of all.
    Functions of lib that it names travel with it. Where it depends on the number of classes, it is a function of that.
    """

    key: str
    label: str
    summary: str
    formula: str
    source: str
    function: Callable[..., Rule]
    code: str | Callable[[int], str] = ""
    params: tuple[Param, ...] = ()
    tasks: tuple[Task, ...] = TASKS
    recalibrates: bool = False


DECISIONS: Registry[Decision] = Registry("decision")


def decision(**fields: Any) -> Callable[[Callable[..., Rule]], Callable[..., Rule]]:
    """Decorator: register the function below as a decision with these fields."""

    def register(function: Callable[..., Rule]) -> Callable[..., Rule]:
        DECISIONS.add(Decision(function=function, **fields))
        return function

    return register


def class_scores(logits: Tensor, one_logit: bool) -> Tensor:
    """Scores [..., N, C] of logits [..., N, C] or, with one logit per row, of (0, z) for logits [..., N, 1]."""
    return torch.cat([torch.zeros_like(logits), logits], dim=-1) if one_logit else logits


@decision(
    key="argmax",
    label="Largest score",
    summary="The class with the largest score; for two classes the threshold 0.5.",
    formula=r"\hat y = \arg\max_c z_c",
    source="-",
)
def argmax(scores: Tensor, y: Tensor, context: Context) -> Rule:
    return Rule(torch.zeros(scores.shape[-1], dtype=torch.float64))


@decision(
    key="threshold",
    label="Threshold",
    summary="Positive when the probability is above a threshold of your choice.",
    formula=r"\hat y = 1 \iff p_1 > t",
    source="Elkan 2001",
    params=(Param("threshold", "t", 0.5, 0.0001, 0.9999, 0.01, help="Say yes above this probability."),),
    tasks=("binary", "multilabel", "sequence"),
    code="offset = torch.tensor([0.0, -math.log({threshold} / (1 - {threshold}))])  # yes above the probability {threshold}",
)
def threshold(scores: Tensor, y: Tensor, context: Context, *, threshold: float) -> Rule:
    return Rule(torch.tensor([0.0, -math.log(threshold / (1 - threshold))], dtype=torch.float64))


@decision(
    key="tuned",
    label="Tuned on validation",
    summary="The threshold that is best on the validation rows for a metric; one offset per class, one threshold per label.",
    formula=r"\hat y = \arg\max_c\; z_c + b_c,\quad b = \arg\max_b \mathrm{metric}(y_{val}, \hat y_{val})",
    source="Koyejo et al. 2014 (NeurIPS); Lipton et al. 2014 (arXiv 1402.1892) for F1; coordinate ascent for several classes",
    params=(
        Param(
            "metric", "", "balanced_accuracy", choices=CRITERIA,
            help="What the validation rows should have most of. f_beta is of class 1, or the mean of several classes.",
        ),
        Param("beta", r"\beta", 1.0, 0.1, 10.0, 0.5, help="Of f_beta: recall counts beta times as much as precision."),
    ),
    code=lambda classes: (
        "margin = (scores[:, 1] - scores[:, 0]).double().numpy()\n"
        "threshold = best_threshold(y.numpy(), margin, '{metric}', {beta})\n"
        "offset = torch.tensor([0.0, -threshold], dtype=torch.float64)"
        if classes == 2
        else "offset = torch.as_tensor(best_offsets(y.numpy(), scores.double().numpy(), '{metric}', {beta}))"
    ),
)  # fmt: skip
def tuned(scores: Tensor, y: Tensor, context: Context, *, metric: str, beta: float) -> Rule:
    """See lib/thresholds.py for ties and for the search. Without rows of two classes the scores stay as they are."""
    if scores.ndim == 3:  # several labels: each for itself
        own = [tuned(z, truth, context, metric=metric, beta=beta).offset for z, truth in zip(scores, y, strict=True)]
        return Rule(torch.stack(own))
    values, targets = scores.double(), y.numpy()
    if not len(values) or not torch.isfinite(values).all():
        return Rule(torch.zeros(scores.shape[-1], dtype=torch.float64))
    if scores.shape[-1] == 2:
        threshold = best_threshold(targets, (values[:, 1] - values[:, 0]).numpy(), metric, beta)
        return Rule(torch.tensor([0.0, -threshold], dtype=torch.float64))
    return Rule(torch.as_tensor(best_offsets(targets, values.numpy(), metric, beta)))


@decision(
    key="label_thresholds",
    label="A threshold for each label",
    summary="Each label says yes above a threshold of its own.",
    formula=r"\hat y_l = 1 \iff p_l > t_l",
    source="Elkan 2001, label by label",
    params=(
        Param("thresholds", "t_l", (0.5,), 0.0001, 0.9999, 0.01, length=(1, 1000),
              help="One threshold per label in the order of the labels; a single one is for all."),
    ),
    tasks=("multilabel",),
    code="threshold = torch.tensor({thresholds}, dtype=torch.float64)  # of each label: yes above this probability\n"
    "offset = torch.stack([torch.zeros_like(threshold), -torch.logit(threshold)], dim=1)",
)  # fmt: skip
def label_thresholds(scores: Tensor, y: Tensor, context: Context, *, thresholds: tuple[float, ...]) -> Rule:
    own = torch.tensor(thresholds, dtype=torch.float64).expand(scores.shape[0])
    return Rule(torch.stack([torch.zeros_like(own), -own.logit()], dim=-1))


@decision(
    key="logit_adjust",
    label="Logit adjustment",
    summary="Divides each probability by the class share (to the power tau): argmax then favours no class.",
    formula=r"\hat y = \arg\max_c\; z_c - \tau \log \pi_c",
    source="Menon et al. 2021 (arXiv 2007.07314), section 4.1",
    params=(
        Param(
            "tau",
            r"\tau",
            1.0,
            0.0,
            5.0,
            0.1,
            help="How much of the class shares is divided away. 0: plain argmax. 1: best for the mean recall.",
        ),
    ),
    code="offset = -{tau} * torch.log(class_counts / class_counts.sum(-1, keepdim=True))",
)
def logit_adjust(scores: Tensor, y: Tensor, context: Context, *, tau: float) -> Rule:
    prior = context.class_counts / context.class_counts.sum(-1, keepdim=True)
    # A class without rows keeps its score: dividing by a share of 0 would always predict it.
    return Rule(torch.where(prior > 0, -tau * prior.log(), 0.0))


def effective_shift(class_counts: Tensor, class_weight: Tensor, seen_counts: Tensor, loss_shift: Tensor) -> Tensor:
    """How far training moves the log odds of each class off the posterior, [C]: log(w_c pi'_c / pi_c) + the loss's own.

    A class that has no rows or no weight teaches nothing that could be undone: 0.
    """
    known = (class_counts > 0) & (class_weight > 0) & (seen_counts > 0) & (loss_shift > -torch.inf)
    share = seen_counts / class_counts * (class_counts.sum(-1, keepdim=True) / seen_counts.sum(-1, keepdim=True))
    shift = (class_weight * share).log() + loss_shift
    return torch.where(known, shift, 0.0)


@decision(
    key="undo",
    label="Undo the weights",
    summary="Takes what weights, sampler and loss put on the log odds off again: back to the classes as they come.",
    formula=r"\hat y = \arg\max_c\; z_c - \log \frac{w_c\, \pi'_c}{\pi_c}",
    source="King & Zeng 2001; Elkan 2001; Dal Pozzolo et al. 2015",
    recalibrates=True,
    code="# Takes off what weights, sampler and loss put on the log odds.\n"
    "shown = seen_counts / seen_counts.sum(-1, keepdim=True) / (class_counts / class_counts.sum(-1, keepdim=True))\n"
    "offset = -torch.log(class_weight * shown) - loss_shift",
)
def undo(scores: Tensor, y: Tensor, context: Context) -> Rule:
    return Rule(-effective_shift(context.class_counts, context.class_weight, context.seen_counts, context.loss_shift))
