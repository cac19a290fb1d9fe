"""Small models, many at a time: the parameters of K models of one architecture as rows [K, P].

Everything here is a feed-forward net of Linear and ReLU. A row holds one model's parameters in the order of
`nn.Sequential.parameters()`. Some losses need a normalised head: a last layer without bias whose outputs are the cosines
between its inputs and its weights.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lib.data import Task
from lib.losses import Head
from lib.registry import Param, Registry


@dataclass(frozen=True)
class Model:
    """An architecture: `function(features, outputs, **params) -> layer widths`, first and last included.

    Models of series (lib/sequence_models.py) give a `Tagging` instead.
    """

    key: str
    label: str
    summary: str
    function: Callable[..., Any]
    params: tuple[Param, ...] = ()
    tasks: tuple[Task, ...] = ("binary", "multiclass", "multilabel")


Views = tuple[Tensor, Tensor]  # weight [K, out, in] and bias [K, out] of one layer
SHORTEST = 1e-12  # functional.normalize's: what is shorter is not stretched to length 1
relu_backward = torch.ops.aten.threshold_backward.grad_input

MODELS: Registry[Model] = Registry("model")


def linear(features: int, outputs: int) -> tuple[int, ...]:
    return (features, outputs)


def mlp(features: int, outputs: int, *, hidden: tuple[int, ...]) -> tuple[int, ...]:
    return (features, *hidden, outputs)


HIDDEN = Param("hidden", "h", (32, 32), 1, 1024, 8, help="Units of each hidden layer.", length=(1, 4), item=int)
MODELS.add(Model("linear", "Linear", "Straight boundaries; closed forms exist for the Gaussian recipes.", linear))
MODELS.add(Model("mlp", "MLP", "Linear layers with ReLU between them.", mlp, (HIDDEN,)))


@dataclass(frozen=True)
class Layer:
    """Where one Linear layer lives in a row of parameters."""

    fan_in: int
    fan_out: int
    start: int
    normalised: bool = False  # cosines, and no bias

    @property
    def bias_start(self) -> int:
        return self.start + self.fan_in * self.fan_out

    @property
    def end(self) -> int:
        return self.bias_start + self.biases

    @property
    def biases(self) -> int:
        return 0 if self.normalised else self.fan_out

    def views(self, rows: Tensor) -> Views:
        """weight [K, out, in] and bias [K, out] ([K, 0] of a normalised layer) of rows [K, P]."""
        weight = rows[:, self.start : self.bias_start].unflatten(1, (self.fan_out, self.fan_in))
        return weight, rows[:, self.bias_start : self.end]

    def dense_views(self, buffer: Tensor, runs: int) -> Views:
        """The same of a buffer [K*P] that keeps layer by layer together: contiguous, as the matrix kernels want them."""
        weight = buffer[runs * self.start : runs * self.bias_start].view(runs, self.fan_out, self.fan_in)
        return weight, buffer[runs * self.bias_start : runs * self.end].view(runs, self.biases)


def layers(widths: Sequence[int], head: Head = "linear") -> tuple[Layer, ...]:
    """The Linear layers between successive widths; the last one normalised, if the head is to be."""
    found: list[Layer] = []
    for fan_in, fan_out in zip(widths, widths[1:], strict=False):
        last = len(found) == len(widths) - 2
        found.append(Layer(fan_in, fan_out, found[-1].end if found else 0, last and head == "normalised"))
    return tuple(found)


def initial(widths: Sequence[int], seed: int, head: Head = "linear") -> Tensor:
    """Parameters [P] bit-equal to those of `torch.manual_seed(seed); nn.Sequential(nn.Linear(...), ...)`, float32."""
    draw = torch.Generator().manual_seed(seed)
    parts = layers(widths, head)
    row = torch.empty(1, parts[-1].end)
    for layer in parts:
        weight, bias = layer.views(row)
        nn.init.kaiming_uniform_(weight[0], a=math.sqrt(5), generator=draw)
        bound = 1 / math.sqrt(layer.fan_in)
        bias[0].uniform_(-bound, bound, generator=draw)
    return row[0]


def forward(views: Sequence[Views], x: Tensor) -> Tensor:
    """Outputs [K, out, B] of K models for inputs [K, in, B]: as everywhere here, features stand before rows."""
    for depth, (weight, bias) in enumerate(views):
        x = x.relu_() if depth else x
        if bias.shape[1]:
            x = torch.baddbmm(bias.unsqueeze(2), weight, x)
        else:
            x = functional.normalize(weight, dim=2) @ functional.normalize(x, dim=1)
    return x


class Cosines:
    """Forward and backward of a normalised layer: z = (W / |W|) (h / |h|), lengths over the features, at least 1e-12."""

    def __init__(self, weight: Tensor) -> None:
        self._weight = weight  # [K, out, in], read anew in each forward

    def forward(self, x: Tensor, out: Tensor) -> Tensor:
        """Cosines [K, out, B] of x [K, in, B]."""
        self._lengths = [t.norm(dim=dim, keepdim=True).clamp_(min=SHORTEST) for t, dim in ((self._weight, 2), (x, 1))]
        self._units = [self._weight / self._lengths[0], x / self._lengths[1]]
        return torch.bmm(*self._units, out=out)

    def backward(self, gradient: Tensor, of_weight: Tensor) -> Tensor:
        """Fills the gradient of the weight, and returns that of the inputs. A direction's gradient has no part along it."""
        weight, x = self._units
        on_weight, on_x = torch.bmm(gradient, x.transpose(1, 2)), torch.bmm(weight.transpose(1, 2), gradient)
        along_weight, along_x = (on_weight * weight).sum(2, keepdim=True), (on_x * x).sum(1, keepdim=True)
        torch.div(on_weight - along_weight * weight, self._lengths[0], out=of_weight)
        return on_x.sub_(along_x * x).div_(self._lengths[1])


class Pass:
    """Forward and backward of K models over batches of one size, in memory that is set up once.

    The backward is written out: it writes straight into the flat gradient, and with autograd's fresh memory a step took
    1.5-2 times as long (from 128 KB on, the C library asks the kernel for the pages of every result). Features stand
    before rows, so that the long dimension is the last: the matrix kernels and log_softmax are several times slower on
    rows of two or three numbers.
    """

    def __init__(self, views: Sequence[Views], gradients: Sequence[Views], batch: int) -> None:
        self.batch = batch
        self._parameters = [(weight, bias.unsqueeze(2)) for weight, bias in views]
        self._transposed = [weight.transpose(1, 2) for weight, _ in views]
        self._gradients = gradients
        self._outputs = [weight.new_empty(*weight.shape[:2], batch) for weight, _ in views]
        weight, bias = views[-1]
        self._cosines = None if bias.shape[1] else Cosines(weight)
        self._output_gradients = [torch.empty_like(output) for output in self._outputs[:-1]]

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [K, out, B] for x [K, in, B]; they are overwritten by the next call."""
        for depth, ((weight, bias), output) in enumerate(zip(self._parameters, self._outputs, strict=True)):
            inputs = x.relu_() if depth else x
            if self._cosines and output is self._outputs[-1]:
                self._cosines.forward(inputs, output)
            else:
                torch.baddbmm(bias, weight, inputs, out=output)
            x = output
        return x

    def backward(self, x: Tensor, gradient: Tensor) -> None:
        """Fills the parameters' gradients, given the gradient [K, out, B] of the outputs of the last `forward(x)`."""
        top = len(self._outputs) - 1
        if self._cosines:
            below = self._cosines.backward(gradient, self._gradients[top][0])
            gradient = relu_backward(below, self._outputs[top - 1], 0, grad_input=below) if top else below
            top -= 1
        for depth in reversed(range(top + 1)):
            inputs = self._outputs[depth - 1] if depth else x
            of_weight, of_bias = self._gradients[depth]
            torch.bmm(gradient, inputs.transpose(1, 2), out=of_weight)
            torch.sum(gradient, 2, out=of_bias)
            if depth:
                below = torch.bmm(self._transposed[depth], gradient, out=self._output_gradients[depth - 1])
                gradient = relu_backward(below, inputs, 0, grad_input=below)


CHUNK = 4_000_000  # numbers in one intermediate result: bounds memory, and keeps it in the cache


@torch.no_grad()
def predict(rows: Tensor, widths: Sequence[int], x: Tensor, head: Head = "linear") -> Tensor:
    """Outputs [K, N, out] of the models in `rows` [K, P] for the same rows x [N, in], in chunks of rows."""
    views = [layer.views(rows) for layer in layers(widths, head)]
    at_once = max(CHUNK // (len(rows) * max(widths)), 1)
    parts = [forward(views, part.T.expand(len(rows), -1, -1)) for part in x.split(at_once)]
    return torch.cat(parts, dim=2).transpose(1, 2)


class NormedLinear(nn.Module):
    """The cosines between the inputs [N, in] and the rows of `weight` [out, in]; its start is that of nn.Linear."""

    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(fan_out, fan_in))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(functional.normalize(x, dim=-1), functional.normalize(self.weight, dim=-1))


class Net(nn.Sequential):
    """Linear and ReLU in turn, with the standardisation of the features as buffers: takes raw features."""

    shift: Tensor | None
    scale: Tensor | None

    def __init__(
        self, widths: Sequence[int], shift: Tensor | None = None, scale: Tensor | None = None, head: Head = "linear"
    ) -> None:
        steps: list[nn.Module] = []
        for layer in layers(widths, head):
            steps += [nn.ReLU()] if steps else []
            steps.append((NormedLinear if layer.normalised else nn.Linear)(layer.fan_in, layer.fan_out))
        super().__init__(*steps)
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor) -> Tensor:
        if self.shift is not None and self.scale is not None:
            x = (x - self.shift) / self.scale
        return super().forward(x)


def state_dict(
    row: Tensor, widths: Sequence[int], shift: Tensor | None = None, scale: Tensor | None = None, head: Head = "linear"
) -> dict[str, Tensor]:
    """A row [P] of parameters as the state of `Net(widths, shift, scale, head)`: keys 0.weight, 0.bias, 2.weight, ..."""
    state: dict[str, Tensor] = {}
    if shift is not None and scale is not None:
        state = {"shift": shift.clone(), "scale": scale.clone()}
    for position, layer in enumerate(layers(widths, head)):
        weight, bias = layer.views(row[None])
        state |= {f"{2 * position}.weight": weight[0].clone()}
        state |= {} if layer.normalised else {f"{2 * position}.bias": bias[0].clone()}
    return state
