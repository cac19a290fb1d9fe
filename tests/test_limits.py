"""What one training may take: refusals name the limit, the value and what to do."""

import dataclasses

import pytest

from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.limits import batch_work, check_limits, check_rows, kept, memory, neighbour_work, parameters, training_budget
from lib.registry import Params
from lib.training import load, train


def experiment(strategies=2, seeds=1, hidden=(32, 32), n=1000, **training):
    return Experiment(
        strategies=tuple(Strategy(f"s{i}") for i in range(strategies)),
        data=DataSpec("ring", Params({"n": n, "n_val": 100, "n_test": 100})),
        model=ModelSpec("mlp", Params({"hidden": hidden})),
        training=Training(**training),
        seeds=tuple(range(seeds)),
    )


def refused(asked):
    with pytest.raises(ValueError) as caught:
        check_limits(asked, load(asked.data))
    assert str(caught.value).endswith(".") and "Take " in str(caught.value)
    return str(caught.value)


def test_the_usual_comparison_fits_the_smallest_machine(monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "690MB")
    usual = experiment(strategies=8, seeds=5, n=10_000)
    check_limits(usual, load(usual.data))


def test_runs_are_limited():
    assert refused(experiment(strategies=64, seeds=11)).startswith("64 strategies x 11 seeds are 704 runs; at most 640 train")


def test_work_is_limited():
    sentence = refused(experiment(strategies=64, seeds=10, epochs=10_000))
    assert sentence.startswith("10000 epochs x 1000 rows x 640 runs are 6.4e+09 rows to train on; at most 5e+09 are.")


def test_a_batch_is_limited_so_that_stop_answers():
    sentence = refused(experiment(strategies=20, seeds=5, hidden=(1024, 1024), n=2000, batch_size=2000))
    assert sentence.startswith(
        "One batch of this training takes 6.3e+11 multiplications; at most 1e+10 are allowed, so that Stop"
    )


def test_the_search_for_neighbours_is_limited():
    smote = (Strategy("plain"), Strategy("smote", sampler="smote"))
    small = dataclasses.replace(experiment(n=1000), strategies=smote)
    check_limits(small, load(small.data))  # classes of 800, 150 and 50
    assert neighbour_work(small, load(small.data)) == (150**2 + 50**2) * 2
    large = dataclasses.replace(experiment(n=700_000), strategies=smote)
    assert "SMOTE compares 2.4e+10 pairs of numbers; at most 2e+10 are allowed" in refused(large)
    assert memory(small, load(small.data)) > memory(experiment(n=1000), load(small.data))


def test_memory_is_limited_by_the_one_budget(monkeypatch):
    large = experiment(strategies=64, seeds=10)
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "16GB")
    check_limits(large, load(large.data))
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "690MB")
    assert training_budget() == 72_500_000
    assert "72.5 MB are there for one" in refused(large)


def test_work_of_a_batch_counts_its_rows_runs_and_parameters():
    asked = experiment(strategies=3, seeds=2, batch_size=128)
    assert parameters((2, 32, 32, 3)) == 2 * 32 + 32 + 32 * 32 + 32 + 32 * 3 + 3
    assert batch_work(asked, load(asked.data)) == 3 * 128 * 6 * parameters((2, 32, 32, 3))
    asked = experiment(strategies=3, seeds=2, batch_size=10**6)  # no batch has more rows than there are
    assert batch_work(asked, load(asked.data)) == 3 * 1000 * 6 * parameters((2, 32, 32, 3))


def test_memory_grows_with_what_is_asked_for():
    small = experiment()
    needs = memory(small, load(small.data))
    for larger in (experiment(seeds=9), experiment(hidden=(256, 256)), experiment(n=100_000), experiment(epochs=10_000)):
        assert memory(larger, load(larger.data)) > needs


def test_what_is_kept_counts_data_parameters_and_history():
    asked = experiment(strategies=1, epochs=1)
    snapshot = list(train(asked, load(asked.data)))[-1]
    data = 1200 * (2 * 4 + 8)
    moment = (9 + parameters((2, 32, 32, 3))) * 4  # of the one epoch
    assert kept(snapshot) == data + parameters((2, 32, 32, 3)) * 4 + (1 + 1 + 4 * 3 + 9) * 8 + moment


def series(n=10_000, steps=200, strategies=4, **training):
    return Experiment.from_dict({
        "data": {"source": "events", "params": {"n": n, "steps": steps}}, "model": {"name": "lstm"}, "training": training,
        "strategies": [{"name": f"s{i}", "weighting": "pos_weight"} for i in range(strategies)],
    })  # fmt: skip


def test_ten_thousand_series_of_200_steps_fit_the_smallest_machine(monkeypatch):
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "690MB")
    large = series()
    check_rows(large.data)
    dataset = load(large.data)
    check_limits(large, dataset)
    peak = 60_000_000  # what training and reading it took on top of the data, measured
    data = sum(t.numel() * t.element_size() for part in dataset.splits.values() for t in (part.x, part.y, part.mask))
    assert 0.6 * (peak + data) < memory(large, dataset) < 1.6 * (peak + data)


def test_series_are_limited_by_their_steps(monkeypatch):
    sentence = refused(series(n=2000, epochs=10_000))
    assert "10000 epochs x 400000 steps x 4 runs are 1.6e+10 steps to train on; at most 1e+09 are." in sentence
    monkeypatch.setenv("COUNTERWEIGHT_MEMORY", "690MB")
    with pytest.raises(ValueError, match="501536 series of 2000 steps take about .* Take fewer series or steps."):
        check_rows(series(n=500_000, steps=2000).data)


def test_memory_of_series_grows_with_what_is_asked_for():
    small = series(n=100, steps=20)
    needs = memory(small, load(small.data))
    for larger in (series(n=5000, steps=20), series(n=100, steps=400), series(n=100, steps=20, epochs=10_000)):
        assert memory(larger, load(larger.data)) > needs
