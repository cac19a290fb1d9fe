"""The rows of each epoch: torch's own streams bit for bit, and the class shares that a sampler promises."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from imblearn.over_sampling import RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from torch.utils.data import DataLoader, RandomSampler, SubsetRandomSampler, TensorDataset, WeightedRandomSampler

from lib.registry import Params
from lib.sampling import SAMPLERS, RowStream, Strata, some_of, strata
from tests.examples import params_of

EVERY = list(SAMPLERS)
CLASSES = torch.repeat_interleave(torch.arange(3), torch.tensor([70, 23, 7]))


def stream(key, seed=0, classes=CLASSES, **params):
    values = {param.name: param.default for param in SAMPLERS[key].params} | params
    return RowStream(key, Params(values), Strata(classes), seed)


def one_pass(key, seed=0, classes=CLASSES, **params):
    values = {param.name: param.default for param in SAMPLERS[key].params} | params
    return SAMPLERS[key].function(Strata(classes), torch.Generator().manual_seed(seed), **values)


def with_made_rows(key, classes, **params):
    """The class of every row that a stream may name: those of the table, then those that the sampler makes."""
    record = SAMPLERS[key]
    if record.synthesise is None:
        return classes
    values = {param.name: param.default for param in record.params} | params
    x = torch.randn(len(classes), 2, generator=torch.Generator().manual_seed(0))
    made = record.synthesise(x, Strata(classes), torch.Generator().manual_seed(0), **values)
    assert torch.equal(classes[made.start], classes[made.end])
    return torch.cat([classes, classes[made.start]])


def loaded(loader, epochs):
    """The row numbers that a DataLoader hands out, epoch by epoch."""
    return [torch.cat([rows for (rows,) in loader]) for _ in range(epochs)]


@pytest.mark.parametrize("rows", [1, 64, 100, 129])
@pytest.mark.parametrize("batch_size", [1, 32, 200])
@pytest.mark.parametrize("seed", [0, 7])
def test_shuffle_is_torchs_data_loader_bit_for_bit(rows, batch_size, seed):
    table = TensorDataset(torch.arange(rows))
    loader = DataLoader(table, batch_size=batch_size, shuffle=True, generator=torch.Generator().manual_seed(seed))
    ours = stream("shuffle", seed, torch.zeros(rows, dtype=torch.int64))
    for theirs in loaded(loader, epochs=3):
        assert torch.equal(ours.epoch(), theirs)


@pytest.mark.parametrize("power", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("seed", [0, 7])
def test_weighted_random_is_torchs_sampler_bit_for_bit(power, seed):
    g = torch.Generator().manual_seed(seed)
    row_weight = (torch.bincount(CLASSES).double() ** -power)[CLASSES]
    sampler = WeightedRandomSampler(row_weight, len(CLASSES), generator=g)
    loader = DataLoader(TensorDataset(torch.arange(len(CLASSES))), batch_size=32, sampler=sampler, generator=g)
    ours = stream("weighted_random", seed, power=power)
    for theirs in loaded(loader, epochs=3):
        assert torch.equal(ours.epoch(), theirs)


@pytest.mark.parametrize("key", ["shuffle", "weighted_random"])
def test_the_code_that_is_shown_draws_the_same_rows(key):
    params = {"power": 0.7} if key == "weighted_random" else {}
    g = torch.Generator().manual_seed(5)
    table = TensorDataset(torch.arange(len(CLASSES)))
    names = {
        "RandomSampler": RandomSampler, "WeightedRandomSampler": WeightedRandomSampler, "generator": g, "dataset": table,
        "targets": CLASSES, "counts": torch.bincount(CLASSES).double(),
    }  # fmt: skip
    exec(SAMPLERS[key].code.format(**params), names)
    ours = stream(key, 5, **params)
    for theirs in loaded(DataLoader(table, batch_size=32, sampler=names["sampler"], generator=g), epochs=2):
        assert torch.equal(ours.epoch(), theirs)


@pytest.mark.parametrize("key", ["oversample", "undersample"])
@pytest.mark.parametrize("ratio", [1.0, 0.4])
def test_the_code_that_is_shown_draws_the_same_pass(key, ratio):
    g = torch.Generator().manual_seed(5)
    names = {
        "torch": torch, "SubsetRandomSampler": SubsetRandomSampler, "some_of": some_of, "generator": g, "targets": CLASSES,
        "counts": torch.bincount(CLASSES).double(),
    }  # fmt: skip
    exec(SAMPLERS[key].code.format(ratio=ratio), names)
    theirs = torch.tensor(list(names["sampler"]))
    assert torch.equal(theirs, SAMPLERS[key].function(Strata(CLASSES), torch.Generator().manual_seed(5), ratio=ratio))


@pytest.mark.parametrize("key", EVERY)
def test_the_code_names_every_parameter(key):
    assert all("{" + param.name + "}" in SAMPLERS[key].code for param in SAMPLERS[key].params)


@pytest.mark.parametrize("key", EVERY)
@given(
    data=some.data(), seed=some.integers(0, 99),
    counts=some.lists(some.integers(0, 40).filter(lambda n: n != 1), min_size=2, max_size=5).filter(any),
)  # fmt: skip
def test_every_epoch_has_n_rows_of_the_table_whatever_the_classes(key, data, seed, counts):
    classes = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    classes = classes[torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed))]
    params = data.draw(params_of(SAMPLERS[key]))
    ours, every = stream(key, seed, classes, **params), with_made_rows(key, classes, **params)
    for _ in range(3):
        rows = ours.epoch()
        assert rows.shape == classes.shape and rows.dtype == torch.int64
        assert rows.min() >= 0 and rows.max() < len(every)


@pytest.mark.parametrize("key", EVERY)
@given(data=some.data())
def test_the_classes_come_in_the_promised_shares(key, data):
    record, counts = SAMPLERS[key], torch.tensor([700, 230, 70])
    params = {param.name: param.default for param in record.params} | data.draw(params_of(record))
    classes = torch.repeat_interleave(torch.arange(3), counts)
    ours = stream(key, 3, classes, **params)
    drawn = torch.cat([ours.epoch() for _ in range(10)])
    shares = record.seen_counts(counts.double(), params)
    expected = shares / shares.sum()
    seen = torch.bincount(with_made_rows(key, classes, **params)[drawn], minlength=3) / len(drawn)
    noise = 5 * (expected * (1 - expected) / len(drawn)).sqrt()
    assert ((seen - expected).abs() <= noise + 0.02 * expected + 1e-9).all()


def test_shuffle_shows_each_row_once():
    ours = stream("shuffle")
    for _ in range(3):
        assert torch.equal(ours.epoch().sort().values, torch.arange(len(CLASSES)))


@given(
    majority=some.integers(10, 500), share=some.floats(0.01, 0.99), ratio=some.floats(0.01, 1.0),
)  # fmt: skip
def test_oversampling_makes_imbalanced_learns_counts(majority, share, ratio):
    minority = max(int(majority * share), 1)
    counts = np.array([majority, minority])
    y = np.repeat([0, 1], counts)
    ours = np.bincount(y[one_pass("oversample", classes=torch.tensor(y), ratio=ratio)])
    if int(majority * ratio - minority) > 0:  # imbalanced-learn refuses to add nothing
        _, theirs = RandomOverSampler(sampling_strategy=ratio, random_state=0).fit_resample(np.zeros((len(y), 1)), y)
        counts = np.bincount(theirs)
    assert ours.tolist() == counts.tolist()


@given(
    majority=some.integers(10, 500), share=some.floats(0.01, 0.99), ratio=some.floats(0.01, 1.0),
)  # fmt: skip
def test_undersampling_makes_imbalanced_learns_counts(majority, share, ratio):
    minority = max(int(majority * share), 1)
    counts = np.array([majority, minority])
    y = np.repeat([0, 1], counts)
    ours = np.bincount(y[one_pass("undersample", classes=torch.tensor(y), ratio=ratio)])
    if minority / majority < ratio:
        _, theirs = RandomUnderSampler(sampling_strategy=ratio, random_state=0).fit_resample(np.zeros((len(y), 1)), y)
        counts = np.bincount(theirs)
    assert ours.tolist() == counts.tolist()


def test_several_classes_are_balanced_as_imbalanced_learn_balances_them():
    x, y = np.zeros((100, 1)), CLASSES.numpy()
    for key, theirs in (("oversample", RandomOverSampler()), ("undersample", RandomUnderSampler())):
        _, resampled = theirs.fit_resample(x, y)
        assert torch.bincount(CLASSES[one_pass(key)]).tolist() == np.bincount(resampled).tolist()


def test_oversampling_keeps_every_row_and_undersampling_repeats_none():
    assert set(one_pass("oversample").tolist()) == set(range(100))
    kept = one_pass("undersample").tolist()
    assert len(set(kept)) == len(kept) == 21


def test_undersampled_rows_are_drawn_anew_at_each_pass():
    ours = stream("undersample")
    epoch = ours.epoch()  # 100 rows are 4 passes of 21 rows and 16 of a fifth
    passes = [set(part.tolist()) for part in epoch[:84].split(21)]
    assert all(len(rows) == 21 for rows in passes)
    assert len({frozenset(rows) for rows in passes}) == 4
    assert len(set().union(*passes)) > 42  # the seven rare rows, and far more than 14 of the others
    assert not torch.equal(ours.epoch(), epoch)


def test_a_pass_goes_on_where_the_epoch_ended():
    ours, g = stream("undersample", seed=4), torch.Generator().manual_seed(4)
    epochs = torch.cat([ours.epoch() for _ in range(2)])
    torch.empty((), dtype=torch.int64).random_(generator=g)
    first = [SAMPLERS["undersample"].function(Strata(CLASSES), g, ratio=1.0) for _ in range(5)]
    assert torch.equal(torch.cat(first)[:105], epochs[:105])


def test_a_weighted_sampler_at_95_to_5_sees_44_percent_of_the_rows_per_epoch():
    """Truth 1b: unique majority rows n_maj (1 - exp(-n / (2 n_maj))), .4388 of all rows with the minority's; measured .4440."""
    classes = torch.repeat_interleave(torch.arange(2), torch.tensor([95_000, 5_000]))
    rows = stream("weighted_random", classes=classes).epoch()
    majority = 0.95 * (1 - math.exp(-1 / (2 * 0.95)))
    minority = 0.05 * (1 - math.exp(-1 / (2 * 0.05)))
    assert round(majority + minority, 4) == 0.4388
    seen = len(rows.unique()) / len(classes)
    assert seen == pytest.approx(majority + minority, abs=0.003)


def test_runs_of_one_seed_see_the_same_rows_and_others_do_not():
    for key in EVERY:
        assert torch.equal(stream(key, 1).epoch(), stream(key, 1).epoch())
        assert not torch.equal(stream(key, 1).epoch(), stream(key, 2).epoch())


def test_a_large_table_with_few_rare_rows_is_undersampled_quickly_enough_to_count_on():
    """100 000 rows take 2 500 passes of 40: each must cost what it draws, not the whole table (4 s where it does)."""
    classes = torch.repeat_interleave(torch.arange(2), torch.tensor([99_980, 20]))
    rows = stream("undersample", classes=classes).epoch()
    assert torch.bincount(classes[rows]).tolist() == [50_000, 50_000]


@given(n=some.integers(1, 200), wanted=some.integers(1, 200), seed=some.integers(0, 99))
def test_some_of_are_different_numbers(n, wanted, seed):
    found = some_of(n, wanted, torch.Generator().manual_seed(seed)).tolist()
    assert len(found) == len(set(found)) == min(n, wanted) and 0 <= min(found) and max(found) < n


def test_some_of_takes_every_number_equally_often():
    g = torch.Generator().manual_seed(0)
    drawn = torch.cat([some_of(40, 8, g) for _ in range(4000)])
    often = torch.bincount(drawn, minlength=40)
    assert (often - 800).abs().max() < 5 * math.sqrt(800 * 0.8)


def test_rows_of_several_questions_are_sampled_by_whether_any_is_a_yes():
    assert strata(torch.tensor([[0, 0], [0, 1], [1, 1]]), "multilabel").tolist() == [0, 1, 1]
    assert strata(torch.tensor([2, 0, 1]), "multiclass").tolist() == [2, 0, 1]


def test_drawing_rows_leaves_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    for key in EVERY:
        stream(key).epoch()
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("key", SAMPLERS)
def test_the_code_of_what_is_seen_gives_the_same_proportions(key: str) -> None:
    counts = torch.tensor([50.0, 7.0, 120.0], dtype=torch.float64)
    values = {p.name: 0.4 if isinstance(p.default, float) else p.default for p in SAMPLERS[key].params}
    expected = SAMPLERS[key].seen_counts(counts, values)
    found = eval(SAMPLERS[key].seen_code.format(counts="counts", **values), {"counts": counts})
    torch.testing.assert_close(found / found.sum(), expected / expected.sum(), rtol=1e-12, atol=0)
