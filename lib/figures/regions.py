"""The regions of classes over two features, drawn with little: a small picture for the tints and thin lines for the edges.

A contour trace per class and panel was most of what a tick sent and of what a browser drew. A picture of one byte per cell
compresses to a kilobyte, the browser stretches it, and the line over it is exact where the picture is coarse.
"""

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lib.figures.theme import channels

Array = NDArray[np.float64]
STRAIGHT = 0.03  # cells by which a point may lie beside the line through its neighbours and be left out


# Corners of a mark of radius 1, from the top and clockwise: (how many, radius of every second one, turned by a part of a turn).
SHAPES = {
    "circle": (6, 1.0, 0.0), "diamond": (4, 1.0, 0.0), "triangle-up": (3, 1.0, 0.0), "square": (4, 1.0, 1 / 8),
    "cross": (8, 0.4, 0.0), "triangle-down": (3, 1.0, 1 / 2), "x": (8, 0.4, 1 / 8), "star": (10, 0.45, 0.0),
    "pentagon": (5, 1.0, 0.0), "hexagon": (6, 1.0, 1 / 12),
}  # fmt: skip


def marks(x: Array, y: Array, symbol: str, radius: tuple[float, float]) -> tuple[Array, Array]:
    """The outlines of a mark at each point, for one filled path: a browser draws hundreds of markers in ten times as long.

    `radius` in units of x and of y.
    """
    corners, every_second, turned = SHAPES[symbol]
    angle = 2 * np.pi * (np.arange(corners) / corners + turned)
    reach = np.where(np.arange(corners) % 2 == 1, every_second, 1.0)
    across = x[:, None] + radius[0] * np.append(reach * np.sin(angle), np.nan)
    up = y[:, None] + radius[1] * np.append(reach * np.cos(angle), np.nan)
    return across.ravel(), up.ravel()


def picture(winners: NDArray[np.integer], colors: Sequence[str], alpha: float) -> str:
    """A PNG as data URI: cells [H, W] (the lowest y first) of class numbers, each class in its colour."""
    height, width = winners.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each begins with its filter: none
    rows[:, 1:] = winners[::-1] % len(colors)
    palette = b"".join(bytes(round(255 * part) for part in channels(color)) for color in colors)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tRNS", bytes([round(255 * alpha)]) * len(colors)),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    )
    packed = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + packed).decode()


def edges(fields: Array, across: Array, up: Array) -> Array:
    """The lines [P, 2] on which one of the fields [F, H, W] is 0, one after the other with a row of NaN after each."""
    origin, step = np.array([across[0], up[0]]), np.array([across[1] - across[0], up[1] - up[0]])
    gap = np.full((1, 2), np.nan)
    parts = [part for field in fields for line in zero_lines(field) for part in (origin + line * step, gap)]
    return np.concatenate(parts) if parts else np.empty((0, 2))


def zero_lines(field: Array) -> list[Array]:
    """Lines [P, 2] of (column, row), in cells, between the cells where the field [H, W] is positive and the others.

    Marching squares: each side of a square whose ends differ is crossed once, found by linear interpolation, and each
    square joins the sides that are crossed.
    """
    height, width = field.shape
    inside = field > 0
    flat, upright = inside[:, 1:] != inside[:, :-1], inside[1:] != inside[:-1]  # sides that are crossed
    if not (flat.any() or upright.any()):
        return []
    sides = np.zeros((height - 1, width - 1, 4), dtype=bool)  # bottom, left, top, right
    sides[..., 0], sides[..., 2], sides[..., 1], sides[..., 3] = flat[:-1], flat[1:], upright[:, :-1], upright[:, 1:]
    row, column, side = np.nonzero(sides)  # of each square two or four in a row
    upward = side % 2  # a side that stands
    number = 2 * ((row + (side == 2)) * width + column + (side == 3)) + upward
    following: dict[int, list[int]] = {}
    for one, other in zip(number[::2].tolist(), number[1::2].tolist(), strict=True):
        following.setdefault(one, []).append(other)
        following.setdefault(other, []).append(one)
    lines = []
    loose = [at for at, beside in following.items() if len(beside) == 1]  # ends at the rim; what is left are rings
    for start in [*loose, *list(following)]:
        if start in following:
            lines.append(_straight(_points(field, np.array(_walk(start, following)))))
    return lines


def _walk(start: int, following: dict[int, list[int]]) -> list[int]:
    """Sides in the order in which a line crosses them; they are taken out of `following`."""
    walked, at = [start], start
    while True:
        beside = following.pop(at)
        onward = [side for side in beside if side in following]
        if not onward:
            return [*walked, start] if len(walked) > 2 and start in beside else walked
        at = onward[0]
        walked.append(at)


def _points(field: Array, numbers: NDArray[np.int64]) -> Array:
    """Where the sides are crossed, [P, 2]."""
    width = field.shape[1]
    row, column = np.divmod(numbers // 2, width)
    upward = numbers % 2
    first, second = field[row, column], field[row + upward, column + 1 - upward]
    part = first / (first - second)
    return np.column_stack([column + part * (1 - upward), row + part * upward])


def _straight(line: Array) -> Array:
    """The line without the points that lie on the way between their neighbours; twice every second one at most."""
    for _ in range(3):
        before, here, after = line[:-2], line[1:-1], line[2:]
        way = after - before
        beside = np.abs(way[:, 0] * (here - before)[:, 1] - way[:, 1] * (here - before)[:, 0])
        needed = beside > STRAIGHT * np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-12)
        needed[1::2] = True
        line = line[np.concatenate([[True], needed, [True]])] if len(line) > 2 else line
    return line
