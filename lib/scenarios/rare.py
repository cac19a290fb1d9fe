"""Scenarios about rare classes: what weighting finds, and what it costs."""

from lib.experiment import Experiment
from lib.scenarios.scenario import scenario

LINEAR = {"name": "linear"}
FAST = {"epochs": 15, "batch_size": 512, "lr": 0.05}


@scenario(
    key="rare_1_to_20",
    label="Rare event, 1 : 20",
    story="One row in twenty is an event. A plain model finds two events in three and is right 97.6 % of the time. "
    "Balanced weights find nine in ten, and accuracy drops to 92 %: both numbers are what theory says.",
    look_at="Recall per class, beside the boundaries: the line moves, it does not turn.",
    source="Menon et al. 2021 (arXiv 2007.07314), section 6.1",
)
def rare_1_to_20() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "gaussians"},
        "model": LINEAR,
        "strategies": [
            {"name": "plain"},
            {"name": "square root", "weighting": "sqrt"},
            {"name": "balanced", "weighting": "balanced"},
            {"name": "logit-adjusted loss", "loss": "logit_adjusted"},
        ],
        "training": FAST,
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="rare_1_to_100",
    label="Rare event, 1 : 100",
    story="A hundred zeros for every one. Weights in cross-entropy, pos_weight in BCE and a weighted sampler all push the "
    "same way. Always saying no is right 99 % of the time, so accuracy tells nothing here.",
    look_at="Recall of class 1, and the column of false alarms in the confusion matrices.",
    source="The forum's question: how do I weight BCELoss with 100 zeros per one?",
)
def rare_1_to_100() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "gaussians", "params": {"priors": [0.99, 0.01], "n": 20_000}},
        "model": {"name": "mlp", "params": {"hidden": [16]}},
        "strategies": [
            {"name": "plain"},
            {"name": "balanced", "weighting": "balanced"},
            {"name": "pos_weight BCE", "loss": "bce_with_logits", "weighting": "pos_weight"},
            {"name": "weighted sampler", "sampler": "weighted_random"},
        ],
        "training": {"epochs": 12, "batch_size": 256, "lr": 0.005},
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="three_classes",
    label="Three unequal classes",
    story="Three groups in the plane: 80, 15 and 5 of a hundred. Without weights the big class takes land from the small ones. "
    "Each scheme draws another map, and the dashed line is the best map for that scheme.",
    look_at="The boundaries beside their dashed Bayes lines.",
    source="This project; weights after King & Zeng 2001 and Menon et al. 2021",
)
def three_classes() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "ring"},
        "strategies": [
            {"name": "plain"},
            {"name": "square root", "weighting": "sqrt"},
            {"name": "balanced", "weighting": "balanced"},
            {"name": "logit-adjusted loss", "loss": "logit_adjusted"},
        ],
        "training": {"epochs": 15, "lr": 0.003},
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="digits_long_tail",
    label="Ten digits, long tail",
    story="Scanned digits, 100 of the most frequent and 4 of the rarest. The model must learn the rare ones from a handful. "
    "Weights raise the recall of the rare ones, and the verdict says how much of that a moved threshold gives too.",
    look_at="Recall of the rarest digits (marked with a dot), and how wide the whiskers are.",
    source="scikit-learn, load_digits; profile after Cui et al. 2019 (arXiv 1901.05555)",
)
def digits_long_tail() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "digits"},
        "model": {"name": "mlp", "params": {"hidden": [64]}},
        "strategies": [
            {"name": "plain"},
            {"name": "square root", "weighting": "sqrt"},
            {"name": "balanced", "weighting": "balanced"},
            {"name": "logit-adjusted loss", "loss": "logit_adjusted"},
        ],
        "training": {"epochs": 60, "batch_size": 64, "lr": 0.003, "weight_decay": 0.0001},
        "seeds": [0, 1, 2, 3, 4, 5],
    })  # fmt: skip
