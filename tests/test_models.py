"""Models out of the stack are `nn.Sequential`, bit for bit at the start and number for number after."""

import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import nn
from torch.nn import functional

from lib.models import MODELS, Net, Pass, forward, initial, layers, predict, state_dict
from tests.examples import params_of

WIDTHS = [(2, 1), (2, 3), (5, 32, 32, 3), (64, 64, 10), (3, 8, 4, 2, 6, 1)]


def sequential(widths, seed):
    """What a script writes: torch.manual_seed(seed), then the layers in order."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        steps = []
        for fan_in, fan_out in zip(widths, widths[1:], strict=False):
            steps += [nn.ReLU()] if steps else []
            steps.append(nn.Linear(fan_in, fan_out))
        return nn.Sequential(*steps)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("seed", [0, 1, 12345, 2**31 - 1])
def test_initial_weights_are_those_of_torch_bit_for_bit(widths, seed):
    theirs = torch.cat([parameter.flatten() for parameter in sequential(widths, seed).parameters()])
    assert torch.equal(initial(widths, seed), theirs)


def test_initial_weights_leave_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    initial((5, 8, 3), 0)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_a_row_of_the_stack_is_a_state_dict_of_sequential(widths):
    state = state_dict(initial(widths, 3), widths)
    assert list(state) == [f"{2 * i}.{name}" for i in range(len(widths) - 1) for name in ("weight", "bias")]
    plain = sequential(widths, 0)
    plain.load_state_dict(state)
    x = torch.randn(20, widths[0], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(predict(initial(widths, 3)[None], widths, x)[0], plain(x), rtol=1e-5, atol=1e-6)


def test_a_saved_model_loads_with_weights_only_and_takes_raw_features():
    widths, shift, scale = (3, 8, 2), torch.tensor([1.0, -2.0, 100.0]), torch.tensor([1.0, 0.5, 30.0])
    file = io.BytesIO()
    torch.save(state_dict(initial(widths, 0), widths, shift, scale), file)
    file.seek(0)
    net = Net(widths, torch.zeros(3), torch.ones(3))
    net.load_state_dict(torch.load(file, weights_only=True))
    x = shift + scale * torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    stacked = predict(initial(widths, 0)[None], widths, (x - shift) / scale)[0]
    torch.testing.assert_close(net(x), stacked, rtol=1e-5, atol=1e-5)
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize("widths", [(4, 3), (4, 6, 3)], ids=str)
def test_a_normalised_head_gives_cosines_has_no_bias_and_starts_as_a_script_starts_it(widths):
    with torch.random.fork_rng():
        torch.manual_seed(7)
        script = Net(widths, head="normalised")
    row = initial(widths, 7, "normalised")
    assert torch.equal(row, torch.cat([parameter.detach().flatten() for parameter in script.parameters()]))
    state = state_dict(row, widths, head="normalised")
    last = f"{2 * len(widths) - 4}"
    assert f"{last}.weight" in state and f"{last}.bias" not in state
    script.load_state_dict(state)
    x = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    outputs = predict(row[None], widths, x, "normalised")[0]
    torch.testing.assert_close(script(x), outputs, rtol=1e-5, atol=1e-6)
    assert outputs.abs().max() <= 1 + 1e-6
    hidden = functional.relu(functional.linear(x, state["0.weight"], state["0.bias"])) if len(widths) == 3 else x
    cosine = functional.cosine_similarity(hidden[:, None], state[f"{last}.weight"][None], dim=2)
    torch.testing.assert_close(outputs, cosine, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(predict(row[None], widths, 100 * x, "normalised")[0] if len(widths) == 2 else outputs, outputs)


def test_a_state_dict_is_a_copy_of_its_row():
    row = initial((2, 2), 0)
    state = state_dict(row, (2, 2))
    row.zero_()
    assert all(tensor.abs().sum() > 0 for tensor in state.values())


@given(rows=some.integers(1, 50), runs=some.integers(1, 4), seed=some.integers(0, 99))
def test_predictions_of_several_models_are_those_of_each(rows, runs, seed):
    widths = (4, 6, 3)
    parameters = torch.stack([initial(widths, seed + run) for run in range(runs)]).double()
    x = torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    together = predict(parameters, widths, x)
    assert together.shape == (runs, rows, 3)
    for run in range(runs):
        plain = sequential(widths, seed + run).double()
        torch.testing.assert_close(together[run], plain(x), rtol=1e-12, atol=1e-12)


def test_predictions_do_not_depend_on_the_chunk(monkeypatch):
    widths, x = (4, 6, 3), torch.randn(100, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parameters = torch.stack([initial(widths, run) for run in range(2)]).double()
    whole = predict(parameters, widths, x)
    monkeypatch.setattr("lib.models.CHUNK", 7 * 2 * 6)
    torch.testing.assert_close(predict(parameters, widths, x), whole, rtol=1e-13, atol=1e-13)


@given(
    widths=some.lists(some.integers(1, 6), min_size=2, max_size=5), runs=some.integers(1, 4), batch=some.integers(1, 9),
    seed=some.integers(0, 99), head=some.sampled_from(["linear", "normalised"]),
)  # fmt: skip
def test_the_written_out_backward_is_autograds(widths, runs, batch, seed, head):
    g = torch.Generator().manual_seed(seed)
    rows = torch.randn(runs, layers(widths, head)[-1].end, generator=g, dtype=torch.float64)
    x = torch.randn(runs, widths[0], batch, generator=g, dtype=torch.float64)
    slope = torch.randn(runs, widths[-1], batch, generator=g, dtype=torch.float64)
    leaves = [tuple(view.clone().requires_grad_() for view in layer.views(rows)) for layer in layers(widths, head)]
    outputs = x
    for depth, (weight, bias) in enumerate(leaves):
        inputs = outputs.relu() if depth else outputs
        if head == "normalised" and depth == len(leaves) - 1:
            outputs = functional.normalize(weight, dim=2) @ functional.normalize(inputs, dim=1)
        else:
            outputs = weight @ inputs + bias.unsqueeze(2)
    (outputs * slope).sum().backward()

    flat, gradient = torch.empty(rows.numel(), dtype=torch.float64), torch.full((rows.numel(),), torch.nan, dtype=torch.float64)
    views = [layer.dense_views(flat, runs) for layer in layers(widths, head)]
    gradients = [layer.dense_views(gradient, runs) for layer in layers(widths, head)]
    for pair, layer in zip(views, layers(widths, head), strict=True):
        for view, values in zip(pair, layer.views(rows), strict=True):
            view.copy_(values)
    ours = Pass(views, gradients, batch)
    torch.testing.assert_close(ours.forward(x), outputs.detach(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(forward(views, x), outputs.detach(), rtol=1e-12, atol=1e-12)
    ours.forward(x)
    ours.backward(x, slope)
    for pair, leaf in zip(gradients, leaves, strict=True):
        for view, parameter in zip(pair, leaf, strict=True):
            if parameter.numel():
                torch.testing.assert_close(view, parameter.grad, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("key", [key for key in MODELS if "binary" in MODELS[key].tasks])
@given(data=some.data(), features=some.integers(1, 100), outputs=some.integers(1, 20))
def test_widths_start_with_the_features_and_end_with_the_outputs(key, data, features, outputs):
    params = {param.name: param.default for param in MODELS[key].params} | data.draw(params_of(MODELS[key]))
    widths = MODELS[key].function(features, outputs, **params)
    assert widths[0] == features and widths[-1] == outputs and all(type(width) is int and width > 0 for width in widths)
