"""Random batches for every criterion: shapes, weights, dtypes, padding, reductions."""

from hypothesis import strategies as st

from lib.receipt import CRITERIA, Batch

NAMES = ("cat", "dog", "bird", "<b>ant</b>", "a,b;c")
WEIGHT = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 19.0])
LOGIT = st.floats(-6, 6, width=32)


@st.composite
def batches(draw: st.DrawFn, criterion: str, reach: float = 6.0) -> Batch:
    """Any batch that the criterion takes; logits up to `reach`."""
    record = CRITERIA[criterion]
    columns = draw(st.integers(1 if record.yes_no else 2, 5))
    places = draw(st.sampled_from([(), (), (1,), (3,), (2, 2)])) if record.dense else ()
    lines = draw(st.integers(1, 4))
    for size in places:
        lines *= size
    given = draw(st.sampled_from(record.given))
    logits = st.floats(-reach, reach, width=32)
    if given == "logits":
        rows = [tuple(draw(st.lists(logits, min_size=columns, max_size=columns))) for _ in range(lines)]
    elif record.yes_no:
        share = st.floats(0.0625, 0.9375, width=32) if record.takes == "logits" else st.floats(0, 1, width=32)
        rows = [tuple(draw(st.lists(share, min_size=columns, max_size=columns))) for _ in range(lines)]
    else:
        parts = st.lists(st.integers(1, 20), min_size=columns, max_size=columns)
        rows = [tuple(part / sum(own) for part in own) for own in (draw(parts) for _ in range(lines))]
    indexed = not record.yes_no and (not record.soft_targets or draw(st.booleans()))
    params = {p.name: p.default for p in record.params}
    if "label_smoothing" in params:
        params["label_smoothing"] = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    if "ignore_index" in params and indexed:
        params["ignore_index"] = draw(st.sampled_from([-100, -1, 0, 1]))
    if "margin" in params:
        params |= {"margin": draw(st.sampled_from([1.0, 0.5, -0.5])), "p": draw(st.sampled_from([1, 2]))}
    vector = st.lists(WEIGHT, min_size=columns, max_size=columns).map(tuple)
    maybe = st.booleans()
    return Batch(
        criterion, NAMES[:columns], tuple(rows), draw(_targets(record, columns, lines, indexed)),
        weight=draw(vector) if draw(maybe) else (),
        pos_weight=draw(vector) if record.pos_weight and draw(maybe) else (),
        row_weight=tuple(draw(st.lists(WEIGHT, min_size=lines, max_size=lines))) if draw(maybe) else (),
        params=tuple(params.items()), given=given, reduction=draw(st.sampled_from(["mean", "sum", "none"])), places=places,
        dtype=draw(st.sampled_from(["float32", "float64"])),
    )  # fmt: skip


def _targets(record, columns, lines, indexed):  # noqa: ANN001, ANN202
    if indexed:
        one = st.sampled_from([*NAMES[:columns], *([None] if record.dense else [])])
        return st.lists(one, min_size=lines, max_size=lines).map(tuple)
    if record.yes_no:
        cell = st.sampled_from([0.0, 1.0, 0.25, *([None] if record.dense else [])])
        row = st.lists(cell, min_size=columns, max_size=columns).map(tuple)
    else:
        row = st.lists(st.integers(0, 3), min_size=columns, max_size=columns).filter(sum)
        row = row.map(lambda own: tuple(part / sum(own) for part in own))
    return st.lists(row, min_size=lines, max_size=lines).map(tuple)
