"""Scenarios about how a question is asked: per row, per label, per time step, with one logit or with two."""

from lib.experiment import Experiment
from lib.scenarios.scenario import scenario


@scenario(
    key="lstm_100_to_1",
    label="LSTM, 100 zeros per one",
    story="“My LSTM detects an event in a time series, with about 100 zeros for every one. How do I weight BCELoss?” After 20 "
    "epochs the plain network still says no at every step. With pos_weight it finds 19 of 20 event steps and flags one quiet "
    "step in twelve. Taking the weight off its scores keeps half of the finds and hardly a false alarm.",
    look_at="The strips: truth, score and flagged steps of a few series. A threshold of 1/86 wakes the plain network, too.",
    source="The PyTorch forum (“Loss function for binary classification”): BCEWithLogitsLoss with pos_weight",
)
def lstm_100_to_1() -> Experiment:
    weighted = {"weighting": "manual", "weighting_params": {"weights": [1, 85]}}
    return Experiment.from_dict({
        "data": {"source": "events", "params": {"rate": 1 / 86}},
        "model": {"name": "lstm"},
        "strategies": [
            {"name": "plain"},
            {"name": "pos_weight 85", **weighted},
            {"name": "pos_weight 85, undone", **weighted, "decision": "undo"},
            {"name": "plain at 1/86", "decision": "threshold", "decision_params": {"threshold": 1 / 86}},
        ],
        "training": {"epochs": 20, "batch_size": 64, "lr": 0.003},
        "seeds": [0, 1],
    })  # fmt: skip


PICTURES = {"shares": [0.7, 0.25, 0.05], "company": 0.1, "distance": 3.0}


@scenario(
    key="exactly_one_animal",
    label="Cat, dog or bird: exactly one",
    story="The same pictures, asked two ways. Here: which animal is it mainly? There is one answer per picture, so the three "
    "classes share a softmax, and a cat that stands beside the bird is nobody's business. The rare bird gets a class weight.",
    look_at="Recall of bird, and the matrix: three classes, one choice per row.",
    source="The PyTorch forum: what is multi-class and what is multi-label?",
)
def exactly_one_animal() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "pictures", "params": {"asked": "one of", **PICTURES}},
        "strategies": [
            {"name": "plain"},
            {"name": "square root", "weighting": "sqrt"},
            {"name": "balanced", "weighting": "balanced"},
        ],
        "training": {"epochs": 8, "batch_size": 256, "lr": 0.01},
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="any_animal",
    label="Cat, dog, bird: any of them",
    story="The same pictures, asked the other way. Is there a cat, is there a dog, is there a bird? These are three yes/no "
    "questions to one network, and any combination is an answer. Each label has a pos_weight of its own.",
    look_at="Recall and precision per label, and the 2 x 2 of each; the rows are those of the card before this one.",
    source="The PyTorch forum: what is multi-class and what is multi-label?",
)
def any_animal() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "pictures", "params": {"asked": "any of", **PICTURES}},
        "strategies": [
            {"name": "plain"},
            {"name": "square root", "weighting": "sqrt"},
            {"name": "pos_weight per label", "weighting": "pos_weight"},
        ],
        "training": {"epochs": 8, "batch_size": 256, "lr": 0.01},
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="one_logit_or_two",
    label="Is CE [1, 19] the same as pos_weight 19?",
    story="Two logits with class weights 1 and 19, or one logit with pos_weight 19: every row has the same loss. Only the "
    "divisor differs: cross-entropy divides by the sum of weights, BCE by the number of rows, so that its number is 1.9 times "
    "as large. Divided alike, the two curves are one.",
    look_at="The loss panels, one per divisor; then recall and boundaries, which agree.",
    source="PyTorch, CrossEntropyLoss(weight) and BCEWithLogitsLoss(pos_weight)",
)
def one_logit_or_two() -> Experiment:
    weights = {"weighting": "manual", "weighting_params": {"weights": [1, 19]}}
    alike = {"overrides": {"normaliser": "fixed"}}
    return Experiment.from_dict({
        "data": {"source": "gaussians"},
        "model": {"name": "linear"},
        "strategies": [
            {"name": "CE [1, 19]", "loss": "cross_entropy", **weights},
            {"name": "pos_weight 19", "loss": "bce_with_logits", **weights},
            {"name": "CE, divided alike", "loss": "cross_entropy", **weights, **alike},
            {"name": "BCE, divided alike", "loss": "bce_with_logits", **weights, **alike},
        ],
        "training": {"epochs": 20, "batch_size": 512, "lr": 0.05},
        "seeds": [0],
    })  # fmt: skip
