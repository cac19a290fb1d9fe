"""The weight dial: the optimum of every class weight, and what moving the plain model's threshold does instead."""

from lib.dial.path import NoOptimumError, Path, dial_weights, threshold_of, weight_path
from lib.dial.reading import Gap, Points, Reading, read

__all__ = ["Gap", "NoOptimumError", "Path", "Points", "Reading", "dial_weights", "read", "threshold_of", "weight_path"]
