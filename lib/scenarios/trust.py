"""Scenarios about what can be trusted: labels that are less reliable than others, and probabilities after weighting."""

from lib.experiment import Experiment
from lib.scenarios.scenario import scenario


@scenario(
    key="unreliable_labels",
    label="Unreliable labels",
    story="Two labels in three were given in a hurry, and four of five events among them were overlooked. A plain model hardly "
    "ever says yes; counting the hurried rows a tenth brings most of the events back. Balanced weights forgive overlooked "
    "events too, but both together overshoot: the class counts do not know of the events that were missed.",
    look_at="Recall of class 1 with and without row weights, and what 'both' costs class 0.",
    source="Menon et al. 2015 (Learning from corrupted binary labels); sample weights as in scikit-learn",
)
def unreliable_labels() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "unreliable"},
        "model": {"name": "linear"},
        "strategies": [
            {"name": "all rows alike", "sample_weight": False},
            {"name": "reliability"},
            {"name": "balanced", "weighting": "balanced", "sample_weight": False},
            {"name": "both", "weighting": "balanced"},
        ],
        "training": {"epochs": 15, "batch_size": 512, "lr": 0.05},
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="calibration_harm",
    label="What weights do to a risk",
    story="One in ten has the event, and nobody's features say much. Weights, undersampling and SMOTE all find two events in "
    "three instead of almost none, and all overstate every risk: its odds come out nine times too high. The rows are ranked "
    "as before, so a threshold of 0.1 on the plain model finds the same events and leaves the risks right.",
    look_at="NLL and Brier score in the test table beside AUROC: the ranking stays, the probabilities do not.",
    source="van den Goorbergh et al. 2022 (JAMIA 29(9):1525)",
)
def calibration_harm() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "gaussians", "params": {"n": 20_000, "priors": [0.9, 0.1], "distance": 0.954, "dim": 6}},
        "model": {"name": "linear"},
        "strategies": [
            {"name": "plain"},
            {"name": "threshold 0.1", "decision": "threshold", "decision_params": {"threshold": 0.1}},
            {"name": "balanced", "weighting": "balanced"},
            {"name": "undersampled", "sampler": "undersample"},
            {"name": "SMOTE", "sampler": "smote"},
            {"name": "balanced, undone", "weighting": "balanced", "decision": "undo"},
        ],
        "training": {"epochs": 15, "batch_size": 512, "lr": 0.02},
        "seeds": [0, 1, 2],
    })  # fmt: skip
