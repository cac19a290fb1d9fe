"""What a visitor may type, and what is said where it cannot be."""

import dataclasses
import math

import pytest

from lib.receipt import Batch

CLASSES = Batch("cross_entropy", ("cat", "dog"), ((1.0, 0.0), (0.0, 1.0)), ("cat", "dog"), weight=(1.0, 2.0))
LABELS = Batch("bce_with_logits", ("cat", "dog"), ((1.0, 0.0), (0.0, 1.0)), ((1.0, 0.0), (1.0, 1.0)))


@pytest.mark.parametrize(
    ("batch", "change", "says"),
    [
        (CLASSES, {"inputs": ((1.0, math.nan), (0.0, 1.0))}, "Row 1, 'dog': a logit must be a finite number"),
        (CLASSES, {"inputs": ((1.0, 0.0), (math.inf, 1.0))}, "Row 2, 'cat': a logit must be a finite number"),
        (CLASSES, {"inputs": ((1.0, "<b>"), (0.0, 1.0))}, "a logit must be a number, got '<b>'"),
        (CLASSES, {"targets": ("cat", "moose")}, "Row 2: unknown class 'moose'; the classes are 'cat', 'dog'."),
        (CLASSES, {"targets": ("cat",)}, "one target per line: 2, got 1"),
        (CLASSES, {"targets": ((0.2, 0.2), (0.5, 0.5))}, "Row 1: target probabilities must add up to 1, got 0.4"),
        (CLASSES, {"targets": ((0.5, 0.5), (0.5, 0.5)), "params": (("ignore_index", 1),)}, "torch refuses ignore_index"),
        (CLASSES, {"given": "probabilities", "inputs": ((0.5, 0.4), (0.5, 0.5))}, "must add up to 1, they add up to 0.9"),
        (CLASSES, {"given": "probabilities", "inputs": ((1.0, 0.0), (0.5, 0.5))}, "has no finite logit"),
        (CLASSES, {"weight": (1.0, 2.0, 3.0)}, "weight must have 2 values, got 3"),
        (CLASSES, {"row_weight": (1.0,)}, "row_weight must have 2 values, got 1"),
        (CLASSES, {"weight": (1.0, 1e9)}, "between -1e6 and 1e6"),
        (CLASSES, {"pos_weight": (1.0, 1.0)}, "CrossEntropyLoss has no pos_weight"),
        (CLASSES, {"names": ("cat", "cat")}, "'cat' is there twice"),
        (CLASSES, {"names": ("cat", "")}, "1 to 40 printable characters"),
        (CLASSES, {"inputs": ((1.0, 0.0),) * 51, "targets": ("cat",) * 51}, "at most 50 rows and 200 lines, got 51"),
        (CLASSES, {"inputs": (), "targets": ()}, "at least one row"),
        (CLASSES, {"places": (3,)}, "multiples of 3; got 2"),
        (CLASSES, {"reduction": "median"}, "must be one of mean, sum, none"),
        (CLASSES, {"criterion": "bce", "params": ()}, "asks yes or no of every label"),
        (LABELS, {"targets": ((1.0, 2.0), (0.0, 0.0))}, "Row 1, 'dog': a target must be in [0, 1], got 2"),
        (LABELS, {"criterion": "multilabel_soft_margin", "targets": ((1.0, None), (0.0, 0.0))}, "cannot leave a target out"),
        (LABELS, {"criterion": "multilabel_soft_margin", "places": (2,)}, "takes [N, K] only"),
        (LABELS, {"criterion": "bce", "given": "probabilities"}, None),
        (LABELS, {"criterion": "bce", "given": "probabilities", "inputs": ((1.5, 0.0), (0.0, 1.0))}, "Are these logits?"),
        (LABELS, {"criterion": "bce", "pos_weight": (2.0, 2.0)}, "row weights of 1 + (p - 1) y do the same"),
    ],
)
def test_bad_input_is_refused_in_words(batch, change, says) -> None:
    if says is None:
        dataclasses.replace(batch, **change)
        return
    with pytest.raises(ValueError) as caught:
        dataclasses.replace(batch, **change)
    assert says in str(caught.value)


def test_lines_have_names() -> None:
    steps = dataclasses.replace(CLASSES, places=(2,))
    assert [steps.line_name(line) for line in (0, 1)] == ["row 1, step 1", "row 1, step 2"]
    pixels = dataclasses.replace(CLASSES, inputs=((1.0, 0.0),) * 4, targets=("cat",) * 4, places=(2, 2))
    assert pixels.line_name(3) == "row 1, pixel 1 1"
    assert CLASSES.line_name(1) == "row 2"
