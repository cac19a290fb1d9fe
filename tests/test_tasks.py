"""Several labels and series: a run is what a plain script computes, and what is read off it is what scikit-learn reads."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from sklearn import metrics as oracle
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lib.data import Split
from lib.evaluation import evaluate
from lib.experiment import Experiment
from lib.metrics import Evidence, Series, event_numbers, event_recall, false_alarms
from lib.stack import Run
from lib.tasks import READINGS
from lib.training import load, train

LABELS = {"source": "multilabel", "params": {"n": 203, "n_val": 80, "n_test": 90, "correlation": 0.5}, "seed": 3}
SERIES = {
    "source": "events", "seed": 2,
    "params": {"n": 37, "n_val": 20, "n_test": 30, "steps": 12, "shortest": 3, "rate": 0.2},
}  # fmt: skip
TRAINING = {"epochs": 2, "batch_size": 16, "lr": 0.01}
STRATEGIES = [
    {"name": "plain", "loss": "bce_with_logits"},
    {"name": "weighted", "loss": "bce_with_logits", "weighting": "pos_weight"},
    {"name": "undone", "loss": "bce_with_logits", "weighting": "pos_weight", "decision": "undo"},
    {"name": "low", "loss": "bce_with_logits", "decision": "threshold", "decision_params": {"threshold": 0.2}},
    {"name": "adjusted", "loss": "sigmoid_focal", "decision": "logit_adjust"},
    {"name": "slow", "loss": "sigmoid_focal", "loss_params": {"gamma": 1}, "overrides": {"lr": 0.001}},
    {"name": "fixed", "loss": "bce", "weighting": "pos_weight", "overrides": {"normaliser": "fixed", "weight_decay": 0.01}},
    {"name": "sgd", "loss": "bce_with_logits", "overrides": {"optimizer": "sgd", "batch_size": 7}},
    {"name": "sampled", "loss": "bce_with_logits", "sampler": "weighted_random"},
]


def experiment(data=SERIES, strategies=STRATEGIES, **rest):
    return Experiment.from_dict({"data": data, "strategies": strategies, "training": TRAINING, **rest})


def finished(what, dataset=None, dtype=torch.float64, **paced):
    return list(train(what, dataset or load(what.data), dtype=dtype, **paced))[-1]


class Lstm(nn.Module):
    """What a forum post would write."""

    def __init__(self, hidden, layers, bidirectional):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, layers, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(hidden * (2 if bidirectional else 1), 1)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x.shape[1])
        return self.head(states).squeeze(-1)


def seeded(make, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def plain_lstm(dataset, seed, make, pos_weight, epochs=2, batch_size=16):
    """The plain loop over padded series: mean over the steps that count."""
    model = seeded(make, seed).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    g = torch.Generator().manual_seed(seed)
    part = dataset.train
    loader = DataLoader(TensorDataset(part.x.double(), part.y.double(), part.mask), batch_size, shuffle=True, generator=g)
    criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight, reduction="none")
    history = []
    for _ in range(epochs):
        losses = []
        for x, y, mask in loader:
            optimizer.zero_grad()
            loss = criterion(model(x, mask.sum(1)), y)[mask].mean()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        history.append(sum(losses) / len(losses))
    return model, history


@pytest.mark.parametrize("layers, bidirectional", [(1, False), (2, False), (1, True), (2, True)])
def test_a_plain_script_reproduces_a_run_of_an_lstm(layers, bidirectional):
    model = {"name": "lstm", "params": {"hidden": 6, "layers": layers, "bidirectional": bidirectional}}
    ours = experiment(model=model, strategies=STRATEGIES[:2], seeds=[5])
    dataset = load(ours.data)
    negative, positive = dataset.class_counts()
    last = finished(ours, dataset)
    for s, weight in enumerate((torch.tensor(1.0), negative / positive)):
        script, history = plain_lstm(dataset, 5, lambda: Lstm(6, layers, bidirectional), weight.double())
        theirs = torch.cat([parameter.detach().flatten() for parameter in script.parameters()])
        torch.testing.assert_close(last.models[s, 0].parameters, theirs, rtol=0, atol=1e-8)
        assert last.history.train_loss[s, 0] == pytest.approx(history, abs=1e-8)


@pytest.mark.parametrize("model", [{"name": "lstm"}, {"name": "window_mlp", "params": {"window": 3, "hidden": [4, 3]}}])
def test_the_first_weights_are_those_of_torch_bit_for_bit(model):
    first = next(train(experiment(model=model, seeds=[7]), load(experiment().data)))

    def make():
        if model["name"] == "lstm":
            return Lstm(32, 1, False)
        return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))

    theirs = torch.cat([parameter.detach().flatten() for parameter in seeded(make, 7).parameters()])
    assert torch.equal(first.models[0, 0].parameters, theirs)


def test_nobody_draws_from_the_random_numbers_of_the_process():
    before = torch.get_rng_state()
    finished(experiment())
    assert torch.equal(before, torch.get_rng_state())


def test_a_window_sees_its_steps_and_those_before():
    ours = experiment(model={"name": "window_mlp", "params": {"window": 3, "hidden": [4]}}, strategies=STRATEGIES[:1])
    model = finished(ours).models[0, 0]
    module = model.module()
    x = torch.randn(2, 6, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    by_hand = nn.Sequential(*module)
    row = torch.cat([torch.zeros(2, dtype=torch.float64), x[0, :, 0]])
    expected = torch.stack([by_hand(row[t : t + 3]) for t in range(6)]).squeeze(-1)
    torch.testing.assert_close(module(x)[0], expected)
    torch.testing.assert_close(model.outputs(x)[0], expected.detach())


def padded(dataset, more):
    """The same series with more padding, which holds nonsense."""

    def longer(part):
        x = torch.cat([part.x, torch.full((len(part), more, 1), 77.0)], dim=1)
        y = torch.cat([part.y, torch.ones(len(part), more, dtype=part.y.dtype)], dim=1)
        mask = torch.cat([part.mask, torch.zeros(len(part), more, dtype=torch.bool)], dim=1)
        return Split(x, y, part.sample_weight, mask)

    return dataclasses.replace(
        dataset, train=longer(dataset.train), validation=longer(dataset.validation), test=longer(dataset.test)
    )


@pytest.mark.parametrize(
    "model",
    [
        {"name": "lstm", "params": {"hidden": 5}},
        {"name": "lstm", "params": {"hidden": 5, "bidirectional": True}},
        {"name": "window_mlp"},
    ],
)
def test_more_padding_gives_the_same_numbers_bit_for_bit(model):
    ours = experiment(model=model)
    dataset = load(ours.data)
    one, other = (finished(ours, each, torch.float32) for each in (dataset, padded(dataset, 40)))
    for at in one.models:
        assert torch.equal(one.models[at].parameters, other.models[at].parameters)
    assert np.array_equal(one.history.train_loss, other.history.train_loss)
    assert np.array_equal(one.history.val_nll, other.history.val_nll) and np.array_equal(one.confusion, other.confusion)
    results, longer = evaluate(one), evaluate(other)
    for at in results:
        assert results[at].metrics == pytest.approx(longer[at].metrics, nan_ok=True, abs=0)


@pytest.mark.parametrize("data, model", [(SERIES, "lstm"), (LABELS, "mlp")])
def test_neighbours_and_pacing_change_nothing(data, model):
    together = experiment(data=data, model={"name": model}, seeds=[0, 4])
    last = finished(together)
    paced = finished(together, stride=lambda: 2)
    for at in last.models:
        assert torch.equal(last.models[at].parameters, paced.models[at].parameters)
    for s, strategy in enumerate(together.strategies):
        alone = finished(dataclasses.replace(together, strategies=(strategy,), seeds=(4,)))
        torch.testing.assert_close(alone.models[0, 0].parameters, last.models[s, 1].parameters, rtol=0, atol=1e-10)


@pytest.mark.parametrize("weighting", ["none", "pos_weight", "sqrt"])
def test_a_plain_script_reproduces_a_run_of_several_labels(weighting):
    ours = experiment(
        data=LABELS, seeds=[5], model={"name": "mlp", "params": {"hidden": [8]}},
        strategies=[{"name": "it", "loss": "bce_with_logits", "weighting": weighting}],
    )  # fmt: skip
    dataset = load(ours.data)
    model = seeded(lambda: nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 3)), 5).double()
    weight = Run(ours.strategies[0], 5, (0, 0), dataset).class_weight
    criterion = nn.BCEWithLogitsLoss(weight=weight[:, 0], pos_weight=weight[:, 1] / weight[:, 0])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    g = torch.Generator().manual_seed(5)
    loader = DataLoader(TensorDataset(dataset.train.x.double(), dataset.train.y.double()), 16, shuffle=True, generator=g)
    for _ in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
    last = finished(ours, dataset)
    theirs = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    torch.testing.assert_close(last.models[0, 0].parameters, theirs, rtol=0, atol=1e-8)
    torch.testing.assert_close(last.models[0, 0].module()(dataset.test.x.double()), model(dataset.test.x.double()))


def said(snapshot, at, part):
    """Truth, decisions and probabilities [rows, labels] of the exported module, decided here by hand."""
    model = snapshot.models[at]
    z = model.module()(part.x.double()).detach()
    counts = model.run.class_counts
    weight = model.run.class_weight
    shift = {
        "argmax": 0.0, "threshold": -np.log(0.2 / 0.8), "undo": -(weight[..., 1] / weight[..., 0]).log(),
        "logit_adjust": (counts[..., 0] / counts[..., 1]).log(),
    }[model.run.strategy.decision]  # fmt: skip
    decided = (z + shift > 0).int().numpy()
    shown = z + shift if model.run.strategy.decision == "undo" else z
    return part.y.numpy(), decided, shown.sigmoid().numpy()


def test_the_results_of_several_labels_equal_scikit_learn():
    last = finished(experiment(data=LABELS))
    part = last.dataset.test
    for at, result in evaluate(last).items():
        y, decided, prob = said(last, at, part)
        assert np.array_equal(result.confusion, oracle.multilabel_confusion_matrix(y, decided))
        np.testing.assert_allclose(result.recall, oracle.recall_score(y, decided, average=None, zero_division=np.nan))
        np.testing.assert_allclose(result.precision, oracle.precision_score(y, decided, average=None, zero_division=np.nan))
        theirs = {
            "macro_f1": oracle.f1_score(y, decided, average="macro"), "micro_f1": oracle.f1_score(y, decided, average="micro"),
            "exact_match": oracle.accuracy_score(y, decided), "accuracy": 1 - oracle.hamming_loss(y, decided),
            "average_precision": oracle.average_precision_score(y, prob), "auroc": oracle.roc_auc_score(y, prob),
            "nll": np.mean([oracle.log_loss(y[:, label], prob[:, label]) for label in range(3)]),
            "mcc": np.mean([oracle.matthews_corrcoef(y[:, label], decided[:, label]) for label in range(3)]),
        }  # fmt: skip
        for key, value in theirs.items():
            assert result.metrics[key] == pytest.approx(value, abs=1e-6), (at, key)


def test_the_results_of_series_equal_scikit_learn_on_the_steps_that_count():
    last = finished(experiment(model={"name": "lstm", "params": {"hidden": 4}}))
    part = last.dataset.test
    for at, result in evaluate(last).items():
        y, decided, prob = (own[part.mask.numpy()] for own in said(last, at, part))
        assert np.array_equal(result.confusion, oracle.confusion_matrix(y, decided, labels=[0, 1]))
        assert result.metrics["average_precision"] == pytest.approx(oracle.average_precision_score(y, prob), abs=1e-6)
        assert result.metrics["nll"] == pytest.approx(oracle.log_loss(y, prob), abs=1e-6)
        assert result.metrics["false_alarms"] == pytest.approx(1000 * ((decided == 1) & (y == 0)).mean())
        assert result.metrics["event_recall"] == pytest.approx(by_hand(*said(last, at, part)[:2], part.mask.numpy()))


def by_hand(truth, decided, mask):
    """Events one by one: walk along each series."""
    found = []
    for y, yes, counts in zip(truth, decided, mask, strict=True):
        flagged, inside = False, False
        for t in [*range(len(y)), None]:
            on = t is not None and counts[t] and y[t]
            if inside and not on:
                found.append(flagged)
            flagged, inside = (flagged and inside or bool(yes[t])) if on else False, on
    return np.mean(found) if found else np.nan


@given(
    rows=some.integers(1, 5),
    steps=some.integers(1, 9),
    seed=some.integers(0, 999),
    rate=some.sampled_from([0.0, 0.2, 0.6, 1.0]),
)
def test_an_event_is_found_if_any_of_its_steps_is_flagged(rows, steps, seed, rate):
    rng = np.random.default_rng(seed)
    truth, decided = rng.random((rows, steps)) < rate, rng.random((rows, steps)) < 0.3
    mask = np.arange(steps) < rng.integers(1, steps + 1, (rows, 1))
    evidence = Evidence(
        oracle.confusion_matrix(truth[mask], decided[mask], labels=[False, True]).astype(float), truth[mask].astype(int), None,
        series=Series(truth, decided, mask),
    )  # fmt: skip
    assert event_recall(evidence) == pytest.approx(by_hand(truth, decided, mask), nan_ok=True)
    assert false_alarms(evidence) == pytest.approx(1000 * (decided & ~truth)[mask].mean())
    assert event_numbers(truth).max() == sum(
        str(row.astype(int))[1:-1].replace(" ", "").replace("01", "0#").count("#") + row[0] for row in truth
    )


def test_a_sampler_shows_the_counts_that_its_rows_bring():
    ours = experiment(data=LABELS, strategies=[{"name": "it", "loss": "bce", "sampler": "oversample"}])
    dataset = load(ours.data)
    run = Run(ours.strategies[0], 0, (0, 0), dataset)
    some_yes = dataset.train.y.any(1)
    few, many = sorted([int(some_yes.sum()), int((~some_yes).sum())])
    factor = torch.where(some_yes == (few == int(some_yes.sum())), many / few, 1.0).double()
    positive = (factor[:, None] * dataset.train.y).sum(0)
    expected = torch.stack([factor.sum() - positive, positive], dim=1)
    torch.testing.assert_close(run.seen_counts, expected)


def test_each_task_is_read_by_its_own_record():
    assert READINGS["sequence"].unit == "steps"
    part = Split(torch.zeros(2, 3, 1), torch.tensor([[0, 1, 1], [1, 0, 0]]), mask=torch.tensor([[1, 1, 0], [1, 0, 0]]).bool())
    assert READINGS["sequence"].targets(part).tolist() == [0, 1, 1]
    scores = READINGS["sequence"].scores(torch.arange(6.0).view(1, 2, 3), part.mask, True)
    assert scores[0, :, 1].tolist() == [0, 1, 3] and not scores[0, :, 0].any()


@pytest.mark.parametrize("data", [LABELS, SERIES])
def test_what_is_left_out_takes_the_first_choice_that_fits(data):
    short = Experiment.from_dict({"data": data, "strategies": [{"name": "it"}]})
    assert short.strategies[0].loss == "bce_with_logits"
    assert short.model.name == ("lstm" if data is SERIES else "mlp")
    assert Experiment.from_json(short.to_json()) == Experiment.from_query(short.to_query()) == short


@pytest.mark.parametrize(
    "change, says",
    [
        (
            {"data": SERIES, "model": {"name": "mlp"}},
            "model mlp is for binary or multiclass or multilabel targets, and these are sequence",
        ),
        ({"data": LABELS, "model": {"name": "lstm"}}, "Choose one of linear, mlp."),
        ({"data": LABELS, "strategies": [{"name": "a", "loss": "cross_entropy"}]}, "and these are multilabel (3 labels)"),
        (
            {
                "data": LABELS,
                "strategies": [{"name": "a", "decision": "label_thresholds", "decision_params": {"thresholds": [0.1, 0.2]}}],
            },
            "one per label: 3 labels, got 2 thresholds",
        ),
    ],
)
def test_impossible_pairs_are_refused_by_name(change, says):
    with pytest.raises(ValueError) as refusal:
        Experiment.from_dict({"data": SERIES, "strategies": [{"name": "it"}], **change})
    assert says in str(refusal.value)


def test_thresholds_per_label_decide_label_by_label():
    low = {"name": "low", "loss": "bce_with_logits", "decision": "label_thresholds"}
    own = experiment(data=LABELS, strategies=[STRATEGIES[0], low | {"decision_params": {"thresholds": [0.5, 0.2, 0.02]}}])
    last = finished(own)
    found, plain = evaluate(last)[1, 0], evaluate(last)[0, 0]
    prob = last.models[1, 0].module()(last.dataset.test.x.double()).sigmoid().detach().numpy()
    decided = prob > np.array([0.5, 0.2, 0.02])
    assert np.array_equal(found.confusion, oracle.multilabel_confusion_matrix(last.dataset.test.y.numpy(), decided))
    assert np.array_equal(found.confusion[0], plain.confusion[0]) and found.recall[2] > plain.recall[2]


def test_with_fair_tuning_the_rules_are_those_of_the_chosen_rates():
    low = {"name": "low", "decision": "threshold", "decision_params": {"threshold": 0.2}}
    last = finished(experiment(strategies=[{"name": "plain"}, low], training=TRAINING | {"lr_grid": [0.001, 0.01, 0.1]}))
    assert set(last.rules) == {(0, 0), (1, 0)} and len(last.tuned) == 2
    assert not last.rules[0, 0].offset.any() and last.rules[1, 0].offset[1] == pytest.approx(np.log(0.8 / 0.2))


@pytest.mark.parametrize("data", [LABELS, SERIES])
def test_sample_weights_count_for_all_answers_of_a_row_and_can_be_left_out(data):
    dataset = load(experiment(data=data).data)
    heavy = torch.where(torch.arange(len(dataset.train)) % 2 == 0, 1.0, 0.0)
    weighted = dataclasses.replace(dataset, train=dataclasses.replace(dataset.train, sample_weight=heavy))
    own = experiment(data=data, strategies=[{"name": "with"}, {"name": "without", "sample_weight": False}])
    one, other = finished(own, weighted), finished(own, dataset)
    torch.testing.assert_close(one.models[1, 0].parameters, other.models[1, 0].parameters)
    assert not torch.equal(one.models[0, 0].parameters, other.models[0, 0].parameters)
    assert one.history.train_loss[0, 0, 0] < other.history.train_loss[0, 0, 0]  # half of the answers are worth nothing
