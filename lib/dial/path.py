"""The exact weight path of a linear model: the optimum of every class weight, all solved together.

A logistic model z = x . coef + intercept, and the cross-entropy whose positive rows count w times:

    f_w = sum_i s_i w^(y_i) softplus(-(2 y_i - 1) z_i) + l2/2 |coef|^2

The weight only scales what positive rows add, so that gradient and Hessian of all W weights are small matrix products over
features that they share. The first solutions start from the plain one with log w added to the intercept, which is where a
well-specified model ends; those between them start from a cubic through their neighbours and end after a step or two.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LOWEST, HIGHEST, PER_DECADE = 1e-3, 1e3, 10  # of the weights of a dial
STEP = 1e-6  # in standard deviations of the scores; Newton squares an error, so that less than 1e-9 is left after such a step
MOST_STEPS = 60
STRIDE = 6  # every so many weights one is solved from afar
FEW = 12  # weights below which all are
SMALL = 0.2  # of log w: a small step
ROWS = 1024  # at a time: what a core keeps close
HELD = 8_000_000  # products of features that are held, not made anew at each step
RANK = 1e-11  # of the largest eigenvalue: directions below it are copies of others


class NoOptimumError(ValueError):
    """The classes can be separated: the loss falls for ever while the coefficients grow."""


@dataclass(frozen=True, eq=False)
class Path:
    """The optimum of each weight, float64: weights [W], coef [W, D], intercept [W]; the plain model is that of weight 1.

    `constant`: features that never change and got the coefficient 0. `steps`: Newton steps, summed over the weights.
    """

    weights: Tensor
    coef: Tensor
    intercept: Tensor
    plain_coef: Tensor
    plain_intercept: Tensor
    l2: float
    constant: tuple[int, ...]
    steps: int

    def scores(self, x: Tensor, at: int) -> Tensor:
        """Log odds [N] of rows x [N, D] by the model of weight number `at`."""
        return x.double() @ self.coef[at] + self.intercept[at]

    def plain_scores(self, x: Tensor) -> Tensor:
        """Log odds [N] of the plain model."""
        return x.double() @ self.plain_coef + self.plain_intercept


def dial_weights(*marked: float, per_decade: int = PER_DECADE) -> Tensor:
    """The weights of a dial, [W]: so many per decade from 1/1000 to 1000, and the marked ones that lie between."""
    decades = round(math.log10(HIGHEST / LOWEST))
    grid = torch.logspace(math.log10(LOWEST), math.log10(HIGHEST), decades * per_decade + 1, dtype=torch.float64)
    grid[len(grid) // 2] = 1.0
    new = [w for w in marked if LOWEST < w < HIGHEST and ((grid / w).log().abs() > 1e-6).all()]
    return torch.cat([grid, torch.tensor(new, dtype=torch.float64)]).unique()


def threshold_of(weights: Tensor) -> Tensor:
    """1 / (1 + w): read there, calibrated plain probabilities make the decisions of the weight w (Elkan 2001)."""
    return 1 / (1 + weights)


@torch.no_grad()
def weight_path(
    x: Tensor, y: Tensor, weights: Tensor | Sequence[float], l2: float = 0.0, sample_weight: Tensor | None = None
) -> Path:
    """The optimum for every weight of the positive class; x [N, D], y [N] of 0 and 1, weights [W], sample_weight [N].

    `l2` is scikit-learn's 1/C, on the coefficients as they are. Raises NoOptimumError where there is no finite optimum, and
    ValueError for rows of one class only and for numbers that cannot be.
    """
    wanted = torch.as_tensor(weights, dtype=torch.float64)
    x, y, own = _checked(x, y, wanted, l2, sample_weight)
    problem = _Problem(x, y, own, l2)
    plain, turn, steps = problem.solve(torch.zeros(1, dtype=torch.float64), problem.start())
    order = wanted.argsort()
    log_w = wanted[order].log()
    try:
        solved, more = _all_weights(problem, log_w, plain[0])
    except NoOptimumError:  # the plain one is there, so they all are: few rows, and too far for a leap
        solved, more = _walk(problem, log_w, plain, turn)
    found = torch.empty_like(solved)
    found[order] = solved
    coef, intercept = problem.in_features(torch.cat([found, plain]))
    return Path(wanted, coef[:-1], intercept[:-1], coef[-1], intercept[-1], l2, problem.constant, steps + more)


def _checked(x: Tensor, y: Tensor, weights: Tensor, l2: float, sample_weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"Expected x [N, D] and y [N], got {list(x.shape)} and {list(y.shape)}. Give one target per row.")
    if not ((y == 0) | (y == 1)).all():
        raise ValueError("Expected targets of 0 and 1. Say for each row whether it is of the class that the weight is for.")
    own = torch.ones(len(y), dtype=torch.float64) if sample_weight is None else sample_weight.double()
    if not (x.isfinite().all() and own.isfinite().all() and (own >= 0).all()):
        raise ValueError("Features and sample weights must be finite, sample weights at least 0. Mend or drop such rows.")
    positives, negatives = (int(((y == c) & (own > 0)).sum()) for c in (1, 0))
    if not (positives and negatives):
        raise ValueError(
            f"A weight needs training rows of both classes, got {positives} of the weighted class and {negatives} others. "
            "Choose another class or other data."
        )
    if weights.ndim != 1 or not len(weights) or not ((weights > 0) & weights.isfinite()).all():
        raise ValueError("Weights must be a list of positive numbers. Leave out 0, infinity and what is no number.")
    if not 0 <= l2 < math.inf:
        raise ValueError(f"L2 must be a number of at least 0, got {l2:g}. Take 0 for none.")
    return x.double(), y, own


def _all_weights(problem: "_Problem", log_w: Tensor, plain: Tensor) -> tuple[Tensor, int]:
    """Solutions [W, P] of sorted log weights: some from the plain one, the others from a cubic between those."""
    count = len(log_w)
    nodes = torch.arange(count)
    if count > FEW:
        nodes = torch.linspace(0, count - 1, 1 + math.ceil((count - 1) / STRIDE)).round().long()
    start = plain.repeat(len(nodes), 1)
    start[:, -1] += log_w[nodes]
    theta = torch.empty(count, len(plain), dtype=torch.float64)
    theta[nodes], slope, steps = problem.solve(log_w[nodes], start)
    rest = torch.ones(count, dtype=torch.bool)
    rest[nodes] = False
    if rest.any():
        between = _hermite(log_w[nodes], theta[nodes], slope, log_w[rest])
        theta[rest], _, more = problem.solve(log_w[rest], between)
        steps += more
    return theta, steps


def _walk(problem: "_Problem", log_w: Tensor, plain: Tensor, turn: Tensor) -> tuple[Tensor, int]:
    """Solutions [W, P] of sorted log weights in small steps from the plain one [1, P], which changes by `turn` with log w."""
    found, steps = torch.empty(len(log_w), plain.shape[1], dtype=torch.float64), 0
    below = int((log_w < 0).sum())
    for side in (range(below, len(log_w)), range(below - 1, -1, -1)):
        here, theta, slope = 0.0, plain, turn
        for at in side:
            target = float(log_w[at])
            for place in torch.linspace(here, target, 2 + int(abs(target - here) / SMALL), dtype=torch.float64)[1:]:
                theta, slope, more = problem.solve(place[None], theta + (place - here) * slope)
                here, steps = float(place), steps + more
            found[at] = theta[0]
    return found, steps


def _hermite(knots: Tensor, values: Tensor, slopes: Tensor, at: Tensor) -> Tensor:
    """The cubic through knots [M] with values and slopes [M, P], read at [W]."""
    right = torch.searchsorted(knots, at).clamp(1, len(knots) - 1)
    left = right - 1
    width = (knots[right] - knots[left]).clamp(min=1e-12)[:, None]
    t = (at - knots[left])[:, None] / width
    return (
        (1 + 2 * t) * (1 - t) ** 2 * values[left] + t * (1 - t) ** 2 * width * slopes[left]
        + t**2 * (3 - 2 * t) * values[right] + t**2 * (t - 1) * width * slopes[right]
    )  # fmt: skip


class _Problem:
    """The rows in coordinates in which Newton's steps are well conditioned: centred, uncorrelated, of variance 1.

    A solution is a row theta [P]: one number per coordinate, the intercept last. Negatives and positives stand in blocks of
    their own, because the weight scales what the positives add.
    """

    def __init__(self, x: Tensor, y: Tensor, own: Tensor, l2: float) -> None:
        self._centre, self._basis, self.constant = _coordinates(x, l2)
        design = torch.cat([self._basis.T @ (x - self._centre).T, torch.ones(1, len(x), dtype=torch.float64)])
        size = len(design)
        self._penalty = torch.zeros(size, size, dtype=torch.float64)
        self._penalty[:-1, :-1] = l2 * self._basis.T @ self._basis
        self._upper = torch.triu_indices(size, size)
        self._sides = [list(_blocks(design[:, y == c], own[y == c])) for c in (0, 1)]
        self._mass = [float(own[y == c].sum()) for c in (0, 1)]
        self._wanted = design[:, y == 1] @ own[y == 1]  # what the positives' probabilities should sum up to
        pairs = self._upper.shape[1]
        self._room = torch.empty(pairs, ROWS, dtype=torch.float64)
        self._held = None
        if len(x) * pairs <= HELD:
            self._held = [[_products(*block, torch.empty(pairs, block[0].shape[1], dtype=torch.float64)) for block in side]
                          for side in self._sides]  # fmt: skip

    def start(self) -> Tensor:
        """No feature counts, and the intercept is the log odds of the class shares."""
        theta = torch.zeros(1, len(self._penalty), dtype=torch.float64)
        theta[0, -1] = math.log(self._mass[1] / self._mass[0])
        return theta

    def in_features(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """coef [W, D] and intercept [W] for the features as they came."""
        coef = theta[:, :-1] @ self._basis.T
        return coef, theta[:, -1] - coef @ self._centre

    def solve(self, log_w: Tensor, start: Tensor) -> tuple[Tensor, Tensor, int]:
        """The optima [W, P] of log weights [W], how they change with log w [W, P], and the steps that it took.

        Newton's method, with a safeguard that costs no more passes over the rows: along a step f is convex, so that a slope
        at its end which rises as fast as it fell at its start says that the step was too long, and half of it is tried.
        """
        theta, slope, steps = start.clone(), torch.zeros_like(start), 0
        step, fall = torch.zeros_like(start), torch.full((len(start),), -math.inf, dtype=torch.float64)
        left = torch.arange(len(start))
        for _ in range(MOST_STEPS):
            gradient, hessian, by_weight = self._derivatives(theta[left], log_w[left].exp())
            steps += len(left)
            long = (gradient * step[left]).sum(1) > -0.5 * fall[left]
            good = left[~long]
            solution = torch.linalg.solve_ex(hessian[~long], torch.stack([gradient[~long], by_weight[~long]], dim=2))[0]
            step[good], slope[good] = -solution[..., 0], -solution[..., 1]
            fall[good] = (gradient[~long] * step[good]).sum(1)
            step[left[long]] /= 2
            theta[left] += torch.where(long[:, None], -step[left], step[left])
            left = left[long | ~(step[left].abs().amax(1) <= STEP)]
            if not len(left):
                return theta, slope, steps
            if not theta.isfinite().all():
                break
        raise NoOptimumError(
            "There is no finite optimum: the features separate the classes (or nearly so), and the coefficients grow for ever. "
            "Take an L2 penalty, or a larger one."
        )

    def _derivatives(self, theta: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient [M, P] and Hessian [M, P, P] of f, and the change of the gradient with log w [M, P]."""
        size, (rows, columns) = theta.shape[1], self._upper
        gradients = [torch.zeros_like(theta) for _ in (0, 1)]
        curvatures = [theta.new_zeros(len(theta), self._upper.shape[1]) for _ in (0, 1)]
        for side in (0, 1):
            for at, (design, weighted) in enumerate(self._sides[side]):
                p = torch.mm(theta, design).sigmoid_()
                gradients[side].addmm_(p, weighted.T)
                products = self._held[side][at] if self._held else _products(design, weighted, self._room[:, : len(p[0])])
                curvatures[side].addmm_(p.addcmul_(p, p, value=-1), products.T)
        by_weight = weights[:, None] * (gradients[1] - self._wanted)
        packed = torch.addcmul(curvatures[0], weights[:, None], curvatures[1])
        hessian = theta.new_empty(len(theta), size, size)
        hessian[:, rows, columns] = packed
        hessian[:, columns, rows] = packed
        return gradients[0] + by_weight + theta @ self._penalty, hessian + self._penalty, by_weight


def _blocks(design: Tensor, own: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Some rows at a time: coordinates [P, n], and the same times the rows' own weight [n].

    As in the models, features stand before rows: the long dimension is the last.
    """
    for part, weight in zip(design.split(ROWS, dim=1), own.split(ROWS), strict=True):
        block = part.contiguous()
        yield block, block if (weight == 1).all() else block * weight


def _products(design: Tensor, weighted: Tensor, out: Tensor) -> Tensor:
    """Products of coordinates in pairs [P (P + 1) / 2, n], in memory that is there: fresh memory costs more than they do."""
    at, size = 0, len(design)
    for i in range(size):
        torch.mul(design[i:], weighted[i], out=out[at : at + size - i])
        at += size - i
    return out


def _coordinates(x: Tensor, l2: float) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Centre [D] and basis [D, k] of uncorrelated directions of variance 1; features that never change have none.

    With a penalty, directions in which rows hardly differ are ruled by it: it counts as variance, times 4 because a row's
    curvature is at most 1/4.
    """
    centre, spread = x.mean(0), x.std(0, correction=0)
    moves = spread > 1e-12 * (1 + centre.abs())
    scale = 1 / spread[moves]
    scaled = (x[:, moves] - centre[moves]) * scale
    values, vectors = torch.linalg.eigh(scaled.T @ scaled / len(x) + torch.diag(4 * l2 / len(x) * scale**2))
    kept = values > RANK * values.amax(0) if len(values) else values > 0
    directions = scale[:, None] * vectors[:, kept] / values[kept].sqrt()
    copies = torch.linalg.qr(scale[:, None] * vectors[:, ~kept])[0]  # coefficients that change no score of any row
    basis = x.new_zeros(x.shape[1], int(kept.sum()))
    basis[moves] = directions - copies @ (copies.T @ directions)  # of equal solutions the smallest, as L2 wants it
    return centre, basis, tuple(torch.nonzero(~moves).flatten().tolist())
