"""What a training was like at some of its epochs, kept so that it can be looked at again: evenly spread, within a bound.

How many epochs a training will have done when it is stopped is not known ahead: where there are too many moments, every
second one goes, and from then on every second epoch is kept. The first epoch always stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

MOST = 40  # moments of one training
FEWEST = 8  # where the bound allows no more than that, there are none
BYTES = 4_000_000  # of all moments of one training
FLOAT = 4  # bytes of a count or of a parameter
MAX_CLASSES = 10  # of matrices whose cells carry numbers


@dataclass(frozen=True, eq=False)
class Moment:
    """The end of one epoch. `parameters`: of each strategy's first seed [P], where boundaries or strips are drawn with them."""

    epoch: int  # from 1
    confusion: NDArray[np.int32]  # [S, R, C, C] or [S, R, L, 2, 2] on validation
    parameters: Mapping[int, Tensor]
    offsets: Mapping[int, Tensor] = field(default_factory=dict)  # of the rules by which these decided, [C] each

    @property
    def nbytes(self) -> int:
        return self.confusion.nbytes + sum(own.numel() * own.element_size() for own in self.parameters.values())


def affordable(cells: int, parameters: int) -> tuple[int, bool]:
    """How many moments are kept, of so many counts and parameters each, and whether parameters are among them."""
    for with_parameters in (True, False):
        most = min(BYTES // (FLOAT * max(cells + parameters * with_parameters, 1)), MOST)
        if most >= FEWEST:
            return most, with_parameters and parameters > 0
    return 0, False


class Moments:
    """Collects moments, `most` at most."""

    def __init__(self, most: int) -> None:
        self._most, self._every = most, 1
        self.kept: tuple[Moment, ...] = ()

    def wants(self, epoch: int) -> bool:
        return self._most > 0 and (epoch - 1) % self._every == 0

    def add(self, moment: Moment) -> None:
        self.kept = (*self.kept, moment)
        if len(self.kept) > self._most:
            self._every *= 2
            self.kept = tuple(moment for moment in self.kept if self.wants(moment.epoch))
