"""Scenarios about when weights act: whether they survive training, and weights that start late."""

from lib.experiment import Experiment
from lib.scenarios.scenario import scenario


@scenario(
    key="weights_survive",
    label="Do weights survive training?",
    story="Two points that a line can separate, one with weight 19. The weight moves the boundary at first, and every further "
    "epoch takes a part of it back: with enough training it is as if there had been no weight. Weight decay stops the "
    "training of the margins, and with it the weight stays.",
    look_at="The boundary over the epochs, beside its closed form: only the decayed ones come to rest away from 0.",
    source="Byrd & Lipton 2019 (arXiv 1812.03372); Soudry et al. 2018 (arXiv 1710.10345)",
)
def weights_survive() -> Experiment:
    heavy = {"loss": "bce_with_logits", "weighting": "manual", "weighting_params": {"weights": [1, 19]}}
    return Experiment.from_dict({
        "data": {"source": "points", "params": {"n_val": 1000, "n_test": 1000}},
        "model": {"name": "linear"},
        "strategies": [
            {"name": "no weights", "loss": "bce_with_logits"},
            {"name": "1 : 19", **heavy},
            {"name": "1 : 19, decay 0.02", **heavy, "overrides": {"weight_decay": 0.02}},
            {"name": "1 : 19, decay 0.1", **heavy, "overrides": {"weight_decay": 0.1}},
        ],
        "training": {"epochs": 1000, "batch_size": 20, "optimizer": "sgd", "lr": 0.2},
    })  # fmt: skip


@scenario(
    key="deferred_weights",
    label="Weights that start late",
    story="Deferred re-weighting lets the model learn from rows as they come, and weighs the classes in the last fifth of the "
    "epochs only. On these digits it finds as much as weights from the start. LDAM, for which it was made, gains a little from "
    "it; VS finds more of the rare digits without any weights.",
    look_at="The train loss jumps when the weights start, at epoch 49; then recall in the test panel, because validation holds "
    "a row or two of the rarest digits.",
    source="Cao et al. 2019 (arXiv 1906.07413), section 3.3; scikit-learn, load_digits",
)
def deferred_weights() -> Experiment:
    late = {"weighting": "effective_number", "weighting_params": {"beta": 0.9999}, "weights_from_epoch": 48}
    return Experiment.from_dict({
        "data": {"source": "digits"},
        "model": {"name": "mlp", "params": {"hidden": [64]}},
        "strategies": [
            {"name": "plain"},
            {"name": "balanced", "weighting": "balanced"},
            {"name": "deferred (DRW)", **late},
            {"name": "LDAM", "loss": "ldam"},
            {"name": "LDAM + DRW", "loss": "ldam", **late},
            {"name": "VS", "loss": "vs", "loss_params": {"gamma": 0.15}},
        ],
        "training": {"epochs": 60, "batch_size": 64, "lr": 0.003, "weight_decay": 0.0001},
        "seeds": [0, 1, 2, 3, 4, 5],
    })  # fmt: skip
