"""Scenarios about weights that do less, more, or something else than expected."""

from lib.experiment import Experiment
from lib.scenarios.scenario import scenario

LINEAR = {"name": "linear"}


@scenario(
    key="weights_that_cancel",
    label="Weights that cancel",
    story="Three recipes for class weights, three different tensors, one curve. Cross-entropy divides by the sum of the "
    "weights, so a common factor cancels. Under BCE nothing cancels, and the same weights train faster or slower.",
    look_at="The first three strategies lie on top of each other in every panel.",
    source="PyTorch, CrossEntropyLoss (mean divides by the sum of weights); pytorch issue 25571",
)
def weights_that_cancel() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "gaussians"},
        "model": LINEAR,
        "strategies": [
            {"name": "inverse, CE", "weighting": "inverse"},
            {"name": "balanced, CE", "weighting": "balanced"},
            {"name": "median frequency, CE", "weighting": "median_frequency"},
            {"name": "inverse, BCE", "loss": "bce_with_logits", "weighting": "inverse"},
            {"name": "pos_weight, BCE", "loss": "bce_with_logits", "weighting": "pos_weight"},
        ],
        "training": {"epochs": 15, "batch_size": 512, "lr": 0.05, "optimizer": "sgd"},
        "seeds": [0],
    })  # fmt: skip


@scenario(
    key="batch_of_one",
    label="Weights and the batch size",
    story="The weights say 1 to 19 in every strategy; only the batch size differs. In a batch of one row the weight stands "
    "above and below the fraction line and cancels. With 8 rows about a third of the effect is left, with 512 nearly all.",
    look_at="Recall of class 1 grows with the batch size, though the weights are the same.",
    source="pytorch issue 50528; the law is this project's (Field guide: batch size)",
)
def batch_of_one() -> Experiment:
    weights = {"weighting": "manual", "weighting_params": {"weights": [1, 19]}}
    sizes = ((1, 0.002), (8, 0.005), (32, 0.01), (512, 0.05))
    return Experiment.from_dict({
        "data": {"source": "gaussians", "params": {"n": 4000}},
        "model": LINEAR,
        "strategies": [
            {"name": f"batch of {size}", **weights, "overrides": {"batch_size": size, "lr": lr}} for size, lr in sizes
        ],
        "training": {"epochs": 6},
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="corrected_twice",
    label="Sampler and weights: corrected twice",
    story="A weighted sampler already shows both classes equally often. Balanced weights on top of it correct a second time. "
    "The model then believes that the rare class is nineteen times as frequent as the other.",
    look_at="Recall of class 0 under 'both': the mistake has changed sides.",
    source="Field guide: sampler and weights together; e.g. GaNDLF issue 776",
)
def corrected_twice() -> Experiment:
    return Experiment.from_dict({
        "data": {"source": "gaussians"},
        "model": LINEAR,
        "strategies": [
            {"name": "plain"},
            {"name": "weights", "weighting": "balanced"},
            {"name": "sampler", "sampler": "weighted_random"},
            {"name": "both", "weighting": "balanced", "sampler": "weighted_random"},
        ],
        "training": {"epochs": 15, "batch_size": 512, "lr": 0.05},
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="smoothing_turns",
    label="Label smoothing turns the optimum",
    story="Weights of 1 to 99 are fine, and label smoothing of 0.1 is fine. Together the smoothed mass is weighted too, and "
    "where a row is surely class 0 the best answer becomes class 1. Beyond a ratio of 19 this happens at smoothing 0.1.",
    look_at="Recall of class 0 under 'both', although the classes are far apart.",
    source="PyTorch, CrossEntropyLoss with weight and label_smoothing; pytorch issue 104776",
)
def smoothing_turns() -> Experiment:
    smooth = {"loss_params": {"label_smoothing": 0.1}}
    return Experiment.from_dict({
        "data": {"source": "gaussians", "params": {"priors": [0.99, 0.01], "distance": 6.0}},
        "model": {"name": "mlp", "params": {"hidden": [16]}},
        "strategies": [
            {"name": "plain"},
            {"name": "smoothing", **smooth},
            {"name": "balanced", "weighting": "balanced"},
            {"name": "both", "weighting": "balanced", **smooth},
        ],
        "training": {"epochs": 15, "batch_size": 512, "lr": 0.01},
        "seeds": [0, 1, 2],
    })  # fmt: skip


@scenario(
    key="focal_alpha",
    label="Focal's alpha goes the other way",
    story="RetinaNet's famous alpha = 0.25 is the weight of the positives; negatives get 0.75. On its own it turns rare events "
    "down, not up. gamma alone moves no decision: it only makes the model less sure.",
    look_at="Recall of class 1 falls at alpha 0.25 and rises at 0.75.",
    source="Lin et al. 2017 (arXiv 1708.02002); kornia issue 2371",
)
def focal_alpha() -> Experiment:
    def focal(alpha: float) -> dict[str, object]:
        return {"name": f"focal, alpha {alpha}", "loss": "sigmoid_focal", "loss_params": {"alpha": alpha}}

    return Experiment.from_dict({
        "data": {"source": "gaussians"},
        "model": LINEAR,
        "strategies": [{"name": "plain BCE", "loss": "bce_with_logits"}, focal(0.25), focal(0.5), focal(0.75)],
        "training": {"epochs": 20, "batch_size": 512, "lr": 0.05},
        "seeds": [0, 1, 2],
    })  # fmt: skip
