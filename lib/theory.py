"""Closed forms: what theory says a run should find.

Bayes rules of the Gaussian recipes under any weights, exact recalls of linear rules on them, the prior that a model
effectively trains on, the class ratio that is left of weights in small batches, and what training leaves of them.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special
from torch import Tensor

Array = NDArray[np.float64]
NODES, NODE_WEIGHTS = (part / 2 + shift for part, shift in zip(np.polynomial.legendre.leggauss(12), (0.5, 0.0), strict=True))


def effective_prior(class_counts: Tensor, class_weight: Tensor, seen_counts: Tensor | None = None) -> Tensor:
    """The class shares [C] that a weighted, resampled loss trains on: proportional to w_c n'_c."""
    mass = class_weight * (class_counts if seen_counts is None else seen_counts)
    return mass / mass.sum()


def effective_ratio(ratio: float, positive_share: float, batch_size: int) -> float:
    """r_B: the class ratio that weighted-mean cross-entropy really applies in batches of size B.

    Binary, w = w1/w0 = `ratio`, pi = `positive_share`: r_B = w E[1/(w+S)] / E[1/(1+S)] with
    S = (B-1) + (w-1) Bin(B-1, pi): the mean divides by the weights that happen to be in the batch.
    """
    if ratio <= 0 or not 0 <= positive_share <= 1 or batch_size < 1:
        raise ValueError(
            "effective_ratio needs a positive ratio, a share in [0, 1] and a batch size of at least 1, "
            f"got {ratio:g}, {positive_share:g}, {batch_size}."
        )
    others = np.arange(batch_size)
    chance = _binomial(others, batch_size - 1, positive_share)
    rest = (batch_size - 1) + (ratio - 1) * others
    return float(ratio * (chance / (ratio + rest)).sum() / (chance / (1 + rest)).sum())


def chance_of_none(class_rows: int, rows: int, batch_size: int) -> float:
    """The chance that a batch of `batch_size` rows, drawn without replacement from `rows`, holds none of `class_rows`."""
    few, many = sorted((class_rows, min(batch_size, rows)))
    if few + many > rows:
        return 0.0
    return float(np.exp(np.log1p(-many / (rows - np.arange(few))).sum()))  # row by row, the drawn ones miss the class


def _binomial(k: NDArray[np.int64], n: int, p: float) -> Array:
    """P(Bin(n, p) = k)."""
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.exp(ways + special.xlogy(k, p) + special.xlog1py(n - k, -p))


def margin_after(weight: float, time: float | Array, start: float = 0.0) -> Array:
    """The margin m that gradient flow on the summed logistic loss gives a separable point of this weight after `time`.

    Two points x = +1 (weight w) and x = -1 (weight 1), f = ax + b: their margins b + a and a - b do not couple,
    dm/dt = 2 w sigmoid(-m), hence m + e^m = 2 w t + m0 + e^m0 (the Wright omega function: m = log omega of the right side).
    """
    return np.log(special.wrightomega(2 * weight * np.asarray(time, dtype=float) + start + np.exp(start)))


def margin_with_decay(weight: float, decay: float) -> float:
    """Where that margin comes to rest under the penalty (decay / 2)(a^2 + b^2): decay m = 2 w sigmoid(-m)."""
    if weight <= 0 or decay <= 0:
        raise ValueError(f"margin_with_decay needs a positive weight and decay, got {weight:g} and {decay:g}.")
    m, step = 0.0, 1.0
    while step > 1e-14 * (1 + m):  # Newton's steps, from the left: the difference of both sides is concave
        pull = 2 * weight * float(special.expit(-m))
        step = (pull - decay * m) / (decay + pull * float(special.expit(m)))
        m += step
    return m


def boundary_between(heavy: float | Array, light: float | Array) -> Array:
    """Where f = ax + b is 0, given the margins of x = +1 and x = -1: -(m+ - m-) / (m+ + m-). 0 is half way."""
    heavy, light = np.asarray(heavy, dtype=float), np.asarray(light, dtype=float)
    return -(heavy - light) / (heavy + light)


def boundary_after(weight: float, time: float | Array) -> Array:
    """The boundary of the two points after gradient flow from zero: -(w-1)/(w+1) at first, to 0 like -ln w / (2 ln 2t).

    Weights move the start, and training takes it back: on separable data they do not survive (Byrd & Lipton 2019).
    """
    time = np.asarray(time, dtype=float)
    with np.errstate(invalid="ignore"):
        course = boundary_between(margin_after(weight, time), margin_after(1.0, time))
    return np.where(time > 1e-9, course, -(weight - 1) / (weight + 1))


def bayes_rule(means: Array, shares: Array) -> tuple[Array, Array]:
    """The best linear rule for unit Gaussians: weights [C, D] and biases [C] of argmax_c w_c.x + b_c.

    means [C, D]; `shares` [C] are class shares times class weights, up to a factor.
    """
    means = np.asarray(means, dtype=float)
    with np.errstate(divide="ignore"):
        return means, np.log(np.asarray(shares, dtype=float)) - (means**2).sum(1) / 2


def bayes_recall(means: Array, shares: Array) -> Array:
    """Exact recall of each class under the best rule for `shares` (class shares times weights)."""
    return linear_recall(*bayes_rule(means, shares), means)


def linear_recall(weight: Array, bias: Array, means: Array) -> Array:
    """Exact recalls [C] of argmax_c weight_c.x + bias_c when x | c ~ N(means_c, I). weight [C, D], bias [C], means [C, D].

    With one direction of difference: a normal probability. With two: one integral. Beyond: the multivariate normal
    integral of scipy (Genz 1992), good to about 1e-5.
    """
    weight, bias, means = (np.asarray(a, dtype=float) for a in (weight, bias, means))
    return np.array([_win_probability(weight, bias, means[c], c) for c in range(len(means))])


def _win_probability(weight: Array, bias: Array, mean: Array, c: int) -> float:
    """P(class c has the largest score) for x ~ N(mean, I)."""
    if np.isneginf(bias[c]):
        return 0.0
    rivals = [j for j in range(len(bias)) if j != c and not np.isneginf(bias[j])]
    normals = weight[c] - weight[rivals]  # c wins where normals @ x + gaps > 0
    gaps = bias[c] - bias[rivals] + normals @ mean
    lengths = np.linalg.norm(normals, axis=1)
    fixed = lengths < 1e-12
    if (gaps[fixed] <= 0).any():
        return 0.0
    normals, gaps = normals[~fixed] / lengths[~fixed, None], gaps[~fixed] / lengths[~fixed]
    if not len(gaps):
        return 1.0
    _, sizes, basis = np.linalg.svd(normals, full_matrices=False)
    rank = int((sizes > 1e-9 * sizes[0]).sum())
    if rank > 2:
        from scipy import stats  # half a second, which a page that needs no integral does not wait for

        rule = stats.multivariate_normal(cov=normals @ normals.T, allow_singular=True, seed=0, maxpts=200_000 * len(gaps))
        return float(rule.cdf(gaps))
    flat = normals @ basis[:rank].T  # the half-planes, in the one or two directions that matter
    if rank == 1:
        return _interval(np.array(flat[:, 0]), gaps)
    return _wedge(flat, gaps)


def _interval(slopes: Array, gaps: Array) -> float:
    """P(slopes * u + gaps > 0 for all) for u ~ N(0, 1)."""
    edges = -gaps / slopes
    low, high = edges[slopes > 0].max(initial=-np.inf), edges[slopes < 0].min(initial=np.inf)
    return float(max(special.ndtr(high) - special.ndtr(low), 0.0))


def _wedge(normals: Array, gaps: Array) -> float:
    """P(normals @ (u, v) + gaps > 0 for all) for independent standard normals and unit normals [m, 2].

    Around the origin: along a direction the region is one stretch [low, high], of mass exp(-low^2/2) - exp(-high^2/2).
    That is smooth in the angle but at the corners of the region and, when an edge passes near the origin, fast along that
    edge: angles are cut at the corners and ever finer towards the edges, and each piece takes Gauss-Legendre.
    """
    first, second = np.triu_indices(len(gaps), 1)
    cross = normals[first, 0] * normals[second, 1] - normals[first, 1] * normals[second, 0]
    meet = np.abs(cross) > 1e-12
    corner_u = (normals[first, 1] * gaps[second] - normals[second, 1] * gaps[first])[meet] / cross[meet]
    corner_v = (normals[second, 0] * gaps[first] - normals[first, 0] * gaps[second])[meet] / cross[meet]
    along_edge = np.arctan2(normals[:, 1], normals[:, 0])[:, None] + np.array([np.pi / 2, -np.pi / 2])
    finer = np.pi / 2 * 0.5 ** np.arange(27)
    seen = finer > np.abs(gaps[:, None]) / 40  # closer to its own direction, an edge is crossed beyond 40 sd
    cuts = np.concatenate(
        [
            [edge, *(edge + finer[own]), *(edge - finer[own])]
            for pair, own in zip(along_edge, seen, strict=True)
            for edge in pair
        ]
    )
    angles = np.unique(np.concatenate([cuts, np.arctan2(corner_v, corner_u)]) % (2 * np.pi))
    widths = np.diff(angles, append=angles[0] + 2 * np.pi)
    total = 0.0
    for at in range(0, len(angles), 2000):
        theta = angles[at : at + 2000, None] + widths[at : at + 2000, None] * NODES
        mass = _mass_along(theta.ravel(), normals, gaps).reshape(theta.shape)
        total += float(widths[at : at + 2000] @ (mass @ NODE_WEIGHTS))
    return total / (2 * np.pi)


def _mass_along(theta: Array, normals: Array, gaps: Array) -> Array:
    """Of the half-planes' intersection: the share of the normal mass of each direction theta [T] that lies in it."""
    slopes = np.stack([np.cos(theta), np.sin(theta)], axis=1) @ normals.T  # [T, m]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = -gaps / slopes
    low = np.where(slopes > 0, crossing, 0.0).max(1, initial=0.0)
    high = np.maximum(np.where(slopes < 0, crossing, np.inf).min(1, initial=np.inf), 0.0)
    return np.maximum(np.exp(-(low**2) / 2) - np.exp(-(high**2) / 2), 0.0)
