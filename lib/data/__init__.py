"""Datasets: recipes with a known truth, bundled sets, uploads. Importing the package fills `SOURCES`."""

from lib.data import bundled, designed, events, multilabel, synthetic, uploaded
from lib.data.dataset import TASKS, Dataset, Split, Task, called, count_classes, stratified_split
from lib.data.source import SOURCES, Source

__all__ = [
    "SOURCES",
    "TASKS",
    "Dataset",
    "Source",
    "Split",
    "Task",
    "bundled",
    "called",
    "count_classes",
    "designed",
    "events",
    "multilabel",
    "stratified_split",
    "synthetic",
    "uploaded",
]
