"""The thin line under the title: what is loaded."""

from streamlit.delta_generator import DeltaGenerator

from lib.data import SOURCES
from lib.experiment import Experiment
from lib.figures.text import count, number
from lib.ui import state
from lib.ui.text import inert


def draw(place: DeltaGenerator | None) -> None:
    """`fraud.csv · 28 431 rows · 2 classes · 1 : 577 · 3 strategies · seeds 0-4 · #a1b2c3`"""
    if place is None:
        return
    experiment = state.experiment()
    parts = [_data(experiment), _strategies(len(experiment.strategies)), _seeds(experiment.seeds)]
    place.caption(" · ".join((*parts, f"\\#{experiment.fingerprint[:6]}")))


def _data(experiment: Experiment) -> str:
    source = SOURCES[experiment.data.source]
    name = inert(str(experiment.data.params["file"])) if source.kind == "upload" else source.label
    try:
        dataset = state.dataset()
    except ValueError:
        return f"{name} · no rows yet"
    counts = dataset.class_counts()
    rows = f"{name} · {count(len(dataset.train))} training {'series' if dataset.task == 'sequence' else 'rows'}"
    if dataset.task == "multilabel":
        some = counts[counts[:, 1] > 0]
        return f"{rows} · {len(counts)} labels · rarest 1 : {number(float((some[:, 0] / some[:, 1]).max()))}"
    present = counts[counts > 0]
    ratio = float(present.max() / present.min())
    return f"{rows} · {'steps' if dataset.task == 'sequence' else f'{len(counts)} classes'} · 1 : {number(ratio)}"


def _strategies(number_of: int) -> str:
    return "1 strategy" if number_of == 1 else f"{number_of} strategies"


def _seeds(seeds: tuple[int, ...]) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    whole = seeds == tuple(range(seeds[0], seeds[-1] + 1))
    return f"seeds {seeds[0]}–{seeds[-1]}" if whole else f"{len(seeds)} seeds"
