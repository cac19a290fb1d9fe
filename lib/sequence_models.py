"""Models that put out one score per time step: torch's own LSTM, and a network that looks at the last few steps.

Parameters are rows [K, P] as in lib/models.py, in the order of `nn.Module.parameters()`; the parameters of a module are views
into such a row. A step's score never depends on the padding behind its series: the window and the LSTM of one direction look
back only, and the backward half of a bidirectional LSTM starts at each series' own last step.
"""

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lib.models import MODELS, Model
from lib.registry import Param

__all__ = [
    "MODELS", "Lstm", "LstmTagger", "Tagging", "Window", "WindowTagger", "initial", "install", "lengths_of", "parameters_of",
    "predict",
]  # fmt: skip

CHUNK = 1_000_000  # numbers in one intermediate result of a prediction


class LstmTagger(nn.Module):
    """nn.LSTM and a linear head; standardises the features first where it has `shift` and `scale`."""

    shift: Tensor | None
    scale: Tensor | None

    def __init__(self, shape: "Lstm", shift: Tensor | None = None, scale: Tensor | None = None) -> None:
        super().__init__()
        self.lstm = nn.LSTM(shape.features, shape.hidden, shape.layers, batch_first=True, bidirectional=shape.bidirectional)
        self.head = nn.Linear(shape.hidden * (1 + shape.bidirectional), 1)
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits [N, T] of series x [N, T, D]; `lengths` [N] where they are padded."""
        if self.shift is not None and self.scale is not None:
            x = (x - self.shift) / self.scale
        if lengths is not None and self.lstm.bidirectional:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=x.shape[1])
        else:
            states, _ = self.lstm(x)
        return self.head(states).squeeze(-1)


class WindowTagger(nn.Sequential):
    """Linear layers and ReLU on the features of each step and of the steps before it; before the first step stand zeros."""

    shift: Tensor | None
    scale: Tensor | None

    def __init__(self, shape: "Window", shift: Tensor | None = None, scale: Tensor | None = None) -> None:
        steps: list[nn.Module] = []
        widths = (shape.features * shape.window, *shape.hidden, 1)
        for fan_in, fan_out in zip(widths, widths[1:], strict=False):
            steps += [nn.ReLU()] if steps else []
            steps.append(nn.Linear(fan_in, fan_out))
        super().__init__(*steps)
        self.window = shape.window
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits [N, T] of series x [N, T, D]. `lengths` change nothing: no window reaches behind its step."""
        if self.shift is not None and self.scale is not None:
            x = (x - self.shift) / self.scale
        windows = functional.pad(x, (0, 0, self.window - 1, 0)).unfold(1, self.window, 1)  # [N, T, D, window]
        return super().forward(windows.flatten(2)).squeeze(-1)


@dataclass(frozen=True)
class Lstm:
    """The shape of an LSTM."""

    features: int
    hidden: int
    layers: int
    bidirectional: bool

    @property
    def per_step(self) -> int:
        """Numbers that a training step holds for one time step: gates, cells and states of every layer."""
        return 6 * self.hidden * self.layers * (1 + self.bidirectional) + 2 * self.features

    def module(self, shift: Tensor | None = None, scale: Tensor | None = None) -> "Tagger":
        """Without values of its own: `install` gives it some."""
        return _on_cpu(self, shift, scale)


@dataclass(frozen=True)
class Window:
    """The shape of a network on windows."""

    features: int
    window: int
    hidden: tuple[int, ...]

    @property
    def per_step(self) -> int:
        return 3 * sum(self.hidden) + 2 * self.features * self.window

    def module(self, shift: Tensor | None = None, scale: Tensor | None = None) -> "Tagger":
        """Without values of its own: `install` gives it some."""
        return _on_cpu(self, shift, scale)


Tagging = Lstm | Window


Tagger = LstmTagger | WindowTagger


@lru_cache(maxsize=64)
def _outline(shape: Tagging) -> Tagger:
    """A module without memory; making it draws nobody's random numbers. Only copies of it are used."""
    with torch.device("meta"):
        return LstmTagger(shape) if isinstance(shape, Lstm) else WindowTagger(shape)


def _on_cpu(shape: Tagging, shift: Tensor | None, scale: Tensor | None) -> Tagger:
    net = deepcopy(_outline(shape))
    net.to_empty(device="cpu")
    net.shift, net.scale = shift, scale
    return net


def lstm(features: int, outputs: int, *, hidden: int, layers: int, bidirectional: bool) -> Lstm:
    return Lstm(features, hidden, layers, bidirectional)


def window_mlp(features: int, outputs: int, *, window: int, hidden: tuple[int, ...]) -> Window:
    return Window(features, window, hidden)


MODELS.add(Model(
    "lstm", "LSTM", "Reads a series step by step and remembers (torch's own nn.LSTM, and a linear head).", lstm,
    (
        Param("hidden", "h", 32, 1, 512, 8, help="Units of each layer."),
        Param("layers", "", 1, 1, 4, 1, help="Layers over each other."),
        Param("bidirectional", "", False, help="Reads each series from its end, too: for series that are complete."),
    ),
    tasks=("sequence",),
))  # fmt: skip
MODELS.add(Model(
    "window_mlp", "MLP on a window", "Looks at the last few steps and nothing else: the cheap baseline.", window_mlp,
    (
        Param("window", "w", 5, 1, 200, 1, help="Steps that it looks at: this one and those before it."),
        Param("hidden", "h", (32,), 1, 1024, 8, help="Units of each hidden layer.", length=(1, 4), item=int),
    ),
    tasks=("sequence",),
))  # fmt: skip


def parameters_of(shape: Tagging) -> int:
    """How many parameters P a model of this shape has."""
    return sum(parameter.numel() for parameter in _outline(shape).parameters())


def initial(shape: Tagging, seed: int) -> Tensor:
    """Parameters [P] bit-equal to those of `torch.manual_seed(seed)` and then nn.LSTM and nn.Linear."""
    draw = torch.Generator().manual_seed(seed)
    net = shape.module()
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, nn.LSTM):
                bound = 1 / math.sqrt(part.hidden_size)
                for parameter in part.parameters():
                    parameter.uniform_(-bound, bound, generator=draw)
            elif isinstance(part, nn.Linear):
                nn.init.kaiming_uniform_(part.weight, a=math.sqrt(5), generator=draw)
                bound = 1 / math.sqrt(part.in_features)
                part.bias.uniform_(-bound, bound, generator=draw)
        return torch.cat([parameter.flatten() for parameter in net.parameters()])


def install(net: nn.Module, row: Tensor, gradient: Tensor | None = None) -> None:
    """Make the parameters views into a row [P], and their gradients views into another."""
    net.to(row.dtype)
    start = 0
    for parameter in net.parameters():
        end = start + parameter.numel()
        parameter.data = row[start:end].view(parameter.shape)
        if gradient is not None:
            parameter.grad = gradient[start:end].view(parameter.shape)
        start = end


def lengths_of(mask: Tensor) -> Tensor:
    """Steps of each series [N] up to the last one that counts, at least one; mask [N, T]."""
    steps = torch.arange(1, mask.shape[1] + 1)
    return (mask * steps).amax(1).clamp(min=1)


@torch.no_grad()
def predict(rows: Tensor, shape: Tagging, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Logits [K, N, T] of the models in `rows` [K, P] for the same series x [N, T, D]; where there is padding, zeros.

    In chunks of series of about the same length, each only as long as its longest.
    """
    lengths = torch.full((len(x),), x.shape[1]) if mask is None else lengths_of(mask)
    found = x.new_zeros(len(rows), *x.shape[:2])
    chunks = list(_chunks(lengths, shape.per_step))
    net = shape.module()
    for row, own in zip(rows, found, strict=True):
        install(net, row)
        for members in chunks:
            longest = int(lengths[members].max())
            own[members, :longest] = net(x[members, :longest], lengths[members])
    return found


def _chunks(lengths: Tensor, per_step: int) -> Iterator[Tensor]:
    """Indices of series, the shortest first, so many at a time that their steps fit into CHUNK."""
    order = lengths.argsort(stable=True)
    at, sizes = 0, lengths[order].tolist()
    while at < len(order):
        end = at + 1
        while end < len(order) and (end + 1 - at) * sizes[end] * per_step <= CHUNK:
            end += 1
        yield order[at:end]
        at = end
