"""Mistakes that run, one file per theme, and the glossary. Importing the package fills `PITFALLS` and `WORDS`."""

from lib.pitfalls import (
    calibration,
    dtypes,
    glossary,
    pos_weight,
    reduction,
    sampling,
    saturation,
    shapes,
    training,
    weights,
)
from lib.pitfalls.pitfall import PITFALLS, WORDS, Pitfall, See, Word, address, search, search_words
from lib.pitfalls.snippet import Ran

THEMES = {  # in the order of the page: the file of a theme, and its title
    "reduction": "The mean and its divisor",
    "weights": "Class weights",
    "pos_weight": "pos_weight, weight and alpha",
    "shapes": "Shapes",
    "dtypes": "Numbers of the wrong kind",
    "saturation": "Sigmoid and softmax",
    "sampling": "Samplers",
    "calibration": "Probabilities and accuracy",
    "training": "Over a training",
}

__all__ = [
    "PITFALLS", "THEMES", "WORDS", "Pitfall", "Ran", "See", "Word", "address", "calibration", "dtypes", "glossary",
    "pos_weight", "reduction", "sampling", "saturation", "search", "search_words", "shapes", "training", "weights",
]  # fmt: skip
