"""One step of torch.optim.Adam or SGD for many runs at once, on flat buffers; no optimiser object and its Python in between."""

from collections.abc import Sequence

import torch
from torch import Tensor

BETAS, EPSILON = (0.9, 0.999), 1e-8  # torch.optim.Adam's defaults


class Optimiser:
    """Values, gradients and Adam's two moments as flat buffers [P].

    `lr` and `weight_decay` are one number, or one for each value.
    """

    def __init__(self, buffers: Sequence[Tensor], kind: str, lr: float | Tensor, weight_decay: float | Tensor) -> None:
        self._buffers, self._kind = buffers, kind
        self._lr, self._weight_decay = lr, weight_decay
        self._step = torch.zeros((), dtype=torch.float32)

    def step(self) -> None:
        values, gradients, *moments = self._buffers
        if isinstance(self._weight_decay, Tensor) or self._weight_decay:
            gradients += values * self._weight_decay
        if self._kind == "sgd":
            values -= gradients * self._lr
        elif isinstance(self._lr, float):
            self._adam(values, gradients, moments, self._lr)
        else:  # Adam's step is proportional to the learning rate: take that of 1, then each run's own
            change = torch.zeros_like(values)
            self._adam(change, gradients, moments, 1.0)
            values += change * self._lr

    def _adam(self, values: Tensor, gradients: Tensor, moments: Sequence[Tensor], lr: float) -> None:
        self._step += 1
        torch._fused_adam_(
            [values], [gradients], [moments[0]], [moments[1]], [], [self._step], lr=lr, beta1=BETAS[0], beta2=BETAS[1],
            weight_decay=0.0, eps=EPSILON, amsgrad=False, maximize=False,
        )  # fmt: skip
