"""The page Decisions, below the pictures: what was chosen on validation, read on test."""

import numpy as np
import pandas as pd
import streamlit as st

from lib.figures.operating import LABELS
from lib.figures.text import count, number
from lib.operating import calibration as calibrating
from lib.operating.chosen import Choice, at_threshold, predictions
from lib.operating.chosen import choices as choices_of
from lib.operating.intervals import FEW, Interval, Metric, difference, few_rows, interval
from lib.operating.scored import Scored, probability
from lib.ui import state
from lib.ui.decisions_send import send, sent
from lib.ui.decisions_view import Question
from lib.ui.strategy_editor import letter
from lib.ui.text import inert

Answers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def split_of(asked: Question) -> str:
    """Test rows once the training is over, validation rows before."""
    return "test" if asked.test else "validation"


def verdict(asked: Question) -> None:
    """Every strategy at its own best decision: what is left of the difference to the first?"""
    split, metric = split_of(asked), _metric(asked)
    st.subheader(f"Each strategy at its best {LABELS[asked.metric]}: what is left?", anchor=False)
    st.caption(_evidence(asked, split))
    table = state.memo(("verdict", *_stamp(asked)), lambda: _verdict_table(asked, split, metric))
    st.dataframe(table, hide_index=True, alt="Each strategy at its best decision, and its difference to the first")


def _verdict_table(asked: Question, split: str, metric: Metric) -> pd.DataFrame:
    y, series = asked.runs[0].truth(split), asked.runs[0].series(split)
    first: Answers | None = None
    found = []
    for one in asked.runs:
        best, plain = predictions(one, _best(asked), split), predictions(one, Choice("", "argmax", {}), split)
        label, base = LABELS[asked.metric], first is None
        first = best if first is None else first
        gap = Interval(np.nan) if base else difference(y, first, best, metric, series)
        found.append({
            "strategy": _name(one), "best threshold (validation)": _best_threshold(asked, one),
            f"{label} at 0.5" if asked.binary else f"{label}, largest score": _told(interval(y, plain, metric, series)),
            f"{label} at its best": _told(interval(y, best, metric, series)),
            f"more than {letter(asked.runs[0].index)}": "–" if base else _told(gap, signed=True),
        })  # fmt: skip
    return pd.DataFrame(found)


def routes(asked: Question) -> None:
    """A weight read at 0.5, and the plain model read at 1 / (1 + w): two routes to the same place?"""
    plain = next((one for one in asked.runs if not one.moved), None)
    moved = [one for one in asked.runs if one.moved]
    if not asked.binary or not moved:
        return
    st.subheader("The other route: the plain model, read at 1 / (1 + w)", anchor=False)
    if plain is None:
        st.caption("No strategy here is without weights. Add one in Compare to see the other route.")
        return
    split = split_of(asked)
    st.caption(
        f"Weights (or a sampler) that multiply the odds by w and the threshold 0.5, beside {letter(plain.index)} "
        f"{inert(plain.name)} at 1 / (1 + w). Where the model is right, both find the same. {split.capitalize()} {asked.unit}."
    )
    table = state.memo(("routes", *_stamp(asked)), lambda: _routes_table(asked, plain, moved, split))
    st.dataframe(table, hide_index=True, alt="Weights at a threshold of 0.5, beside the plain model at a moved threshold")


def _routes_table(asked: Question, plain: Scored, moved: list[Scored], split: str) -> pd.DataFrame:
    y, series = plain.truth(split), plain.series(split)
    found = []
    for one in moved:
        at = float(probability(-np.log(one.weight)))
        weighted = predictions(one, Choice("", "argmax", {}), split)
        routed = predictions(plain, at_threshold(plain, -float(np.log(one.weight)), ""), split)
        row = {"strategy": _name(one), "w": number(one.weight), "1 / (1 + w)": number(at)}
        for name in ("recall", "precision"):
            metric = Metric(name)
            row |= {
                f"{name} at 0.5": number(interval(y, weighted, metric).value),
                f"{name} of {letter(plain.index)}": number(interval(y, routed, metric).value),
                f"more {name}": _told(difference(y, routed, weighted, metric, series), signed=True),
            }
        found.append(row)
    return pd.DataFrame(found)


def choices(asked: Question) -> None:
    """What can be chosen for one strategy, how it does, and a button each that sends it to the comparison."""
    st.subheader("Use a decision in the comparison", anchor=False)
    names = {str(i): f"{letter(one.index)} {inert(one.name, 14)}" for i, one in enumerate(asked.runs)}
    picked = st.pills(
        "Strategy", list(names), format_func=lambda key: names[key], default=state.first("target", "0"),
        key=state.key("target"), required=True, label_visibility="collapsed",
    )  # fmt: skip
    one = asked.runs[min(int(picked or 0), len(asked.runs) - 1)]
    split = split_of(asked)
    name = ("choices", *_stamp(asked), one.index)
    options = state.memo(name, lambda: choices_of(one, asked.metric, asked.beta, asked.costs))
    table = state.memo((*name, "table"), lambda: _choices_table(asked, one, options, split))
    st.caption(f"Chosen on validation {asked.unit}, read on {split} {asked.unit}. Any number can be copied from its cell.")
    st.dataframe(table, hide_index=True, alt=f"Decisions for strategy {letter(one.index)} and what they find")
    with st.container(horizontal=True):
        for place, choice in enumerate(options):
            st.button(
                f"Use: {inert(choice.label)}", on_click=send, args=(one.index, one.name, choice), key=f"use_{place}",
                help=f"Makes it the decision of {letter(one.index)} in the comparison: {choice.why}.",
            )  # fmt: skip
    best = _best_threshold(asked, one)
    if asked.binary and best != "–":
        st.code(
            f"threshold = {_precise(asked, one)}  # {letter(one.index)}, best {LABELS[asked.metric]} on validation", "python"
        )
    sent()


def _choices_table(asked: Question, one: Scored, options: list[Choice], split: str) -> pd.DataFrame:
    y, series = one.truth(split), one.series(split)
    metric, classes = _metric(asked), asked.classes
    found = []
    for choice in options:
        said = predictions(one, choice, split)
        row = {"decision": choice.label}
        for name in ("recall", "precision"):
            row[f"{name} of {asked.class_name}"] = _told(
                interval(y, said, Metric(name, classes, positive=asked.positive), series)
            )
        row[LABELS[asked.metric]] = _told(interval(y, said, metric, series))
        found.append(row | {"why": choice.why})
    return pd.DataFrame(found)


def calibration(asked: Question) -> None:
    """ECE, Brier, intercept and slope: as trained, undone, and mended on validation."""
    st.subheader("Do the probabilities mean what they say?", anchor=False)
    split = split_of(asked)
    table = state.memo(("calibration", *_stamp(asked)), lambda: _calibration_table(asked, split))
    st.dataframe(table, hide_index=True, alt="Calibration of each strategy: as trained, undone and recalibrated")
    fitted = (
        "."
        if asked.test
        else f": temperature, Platt and isotonic are fitted on these very {asked.unit}, so they look too good."
    )
    st.caption(
        f"{split.capitalize()} {asked.unit}{fitted} Temperature, Platt and isotonic are fitted on validation {asked.unit}, for "
        f"{inert(asked.class_name, 30)} against all others. ECE: 15 bins of equal width, absolute gaps. Brier: mean (p - y)², "
        "for two classes half of what Compare's table shows; it is miscalibration - discrimination + uncertainty (by isotonic "
        "regression, Dimitriadis et al. 2021). Intercept (slope held at 1): 0 is right, below 0 probabilities are too high. "
        "Slope: 1 is right. None but isotonic, which may tie rows, changes AUROC of two classes."
    )


def _calibration_table(asked: Question, split: str) -> pd.DataFrame:
    found = []
    for one in asked.runs:
        if not one.calibrated:
            continue
        trained, undone = (one.sample(split, asked.positive, undone=undone) for undone in (False, True))
        fitted_on = one.sample("validation", asked.positive, undone=False)
        samples = {"as trained": trained} | ({"undone": undone} if one.moved else {})
        if fitted_on.positives and fitted_on.negatives:
            samples |= {way: calibrating.recalibrated(way, fitted_on, trained) for way in calibrating.WAYS}
        for way, sample in samples.items():
            known = calibrating.calibration(sample)
            found.append({
                "strategy": _name(one), "probabilities": "Platt" if way == "platt" else way,
                "intercept": _plain(known.intercept), "slope": number(known.slope), "ECE": number(round(known.ece, 6)),
                "Brier": number(known.brier), "miscalibration": number(round(known.miscalibration, 6)),
                "discrimination": number(known.discrimination), "uncertainty": number(known.uncertainty),
                "AUROC": number(known.auroc), "AP": number(known.average_precision),
            })  # fmt: skip
    return pd.DataFrame(found)


def _stamp(asked: Question) -> tuple[object, ...]:
    return (*asked.stamp, asked.positive, asked.metric, asked.beta, asked.costs)


def _metric(asked: Question) -> Metric:
    return Metric(asked.metric, asked.classes, asked.beta)


def _best(asked: Question) -> Choice:
    """The decision that is best on validation for what the sidebar says."""
    return Choice("", "tuned", {"metric": asked.metric, "beta": asked.beta})


def _best_threshold(asked: Question, one: Scored) -> str:
    """As it is read; of several classes it is an offset each."""
    return number(float(_precise(asked, one))) if asked.binary else "an offset per class"


def _precise(asked: Question, one: Scored) -> str:
    points = next(points for points in asked.points(False) if points.index == one.index)
    return f"{float(probability(points.best(asked.metric, asked.beta)[0])):.6g}"


def _evidence(asked: Question, split: str) -> str:
    """Which rows, and what the intervals are."""
    y, series, unit = asked.runs[0].truth(split), asked.runs[0].series(split), asked.unit
    head = f"Chosen on validation {unit}, read on {count(len(y))} {split} {unit}. "
    if split == "validation":
        head = f"Chosen and read on validation {unit}; the test {unit} are read when the training has ended. "
    few = few_rows(y, _metric(asked), series)
    if series is not None:
        whole = f"Steps of one series go together, so that whole series are drawn ({count(len(np.unique(series)))} of them). "
        if few:
            return head + whole + f"A class stands in fewer than {FEW} series: no intervals."
        return head + whole + "In brackets the 95 % interval by bootstrap over series; differences are paired, step by step."
    if few:
        return (
            head + f"A class has fewer than {FEW} rows: intervals of recall and precision are Wilson's, the others have none."
        )
    return head + "In brackets the 95 % interval by bootstrap over these rows; differences are paired, row by row."


def _name(one: Scored) -> str:
    return f"{letter(one.index)} {one.name}"


def _told(found: Interval, *, signed: bool = False) -> str:
    value = _plain(found.value, signed=signed)
    return value if found.kind == "none" else f"{value} [{_plain(found.low)}, {_plain(found.high)}]"


def _plain(value: float, *, signed: bool = False) -> str:
    """Three digits after the point: of differences and intercepts that are nearly 0 more would be noise."""
    if not np.isfinite(value):
        return "–"
    rounded = round(value, 3) or 0.0  # no minus before a zero
    return f"{rounded:{'+' if signed and rounded else ''}.3f}".replace("-", "−")
