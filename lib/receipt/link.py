"""A receipt as fields of an address, readable where possible, and back.

`loss=nll&names=no,yes&z=1,0;0,1&y=no;yes&w=1,10`: columns apart by commas, lines by semicolons, `*` for
what is ignored; what is left out takes its default. A batch that equals a preset is that preset's key alone.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from lib.receipt.batch import Batch, Rows
from lib.receipt.criterion import CRITERIA, Given
from lib.receipt.preset import PRESETS
from lib.registry import brief

LETTER = "r"  # whose fields these are, in an address that other pages share
LONGEST = 20_000
SAFE = " ()_.!~"  # besides letters, digits, '-' and what is not ASCII: what need not be quoted inside a name
GAP = "*"  # an ignored row, a padded element
FIELDS = ("loss", "names", "z", "p", "y", "t", "w", "pos", "rows", "places", "reduction", "dtype")


def to_fields(batch: Batch) -> dict[str, str]:
    """The batch as address fields: `r=KEY` for a preset, otherwise `r.NAME=TEXT`."""
    for key, preset in PRESETS.items():
        if preset.batch == batch:
            return {LETTER: key}
    found = {"loss": batch.criterion, "names": ",".join(map(_quoted, batch.names))}
    found["z" if batch.given == "logits" else "p"] = _matrix(batch.inputs)
    if batch.indexed:
        found["y"] = ";".join(GAP if name is None else _quoted(name) for name in batch.class_targets)
    else:
        found["t"] = _matrix(batch.number_targets)
    for field, values in (("w", batch.weight), ("pos", batch.pos_weight), ("rows", batch.row_weight)):
        found |= {field: ",".join(map(_written, values))} if values else {}
    found |= {"places": "x".join(map(str, batch.places))} if batch.places else {}
    found |= {"reduction": batch.reduction} if batch.reduction != "mean" else {}
    found |= {"dtype": batch.dtype} if batch.dtype != "float32" else {}
    found |= {p.name: p.write(batch.parameters[p.name]) for p in batch.record.params if batch.parameters[p.name] != p.default}
    return {f"{LETTER}.{name}": text for name, text in found.items()}


def from_fields(fields: Mapping[str, str]) -> Batch:
    """The batch of an address. Raises ValueError that names the field."""
    size = sum(len(key) + len(text) for key, text in fields.items())
    if size > LONGEST:
        raise ValueError(f"A receipt's link has at most {LONGEST} characters, got {size}.")
    if set(fields) == {LETTER}:
        return PRESETS.pick(fields[LETTER]).batch
    left = {key.removeprefix(f"{LETTER}."): text for key, text in fields.items()}
    record = CRITERIA.pick(left.pop("loss", "cross_entropy"))
    declared = {param.name: param for param in record.params}
    params = {name: declared[name].read(left.pop(name)) for name in list(left) if name in declared}
    if unknown := next((name for name in left if name not in FIELDS), None):
        raise ValueError(f"A receipt's link has no field {brief(unknown)}; its fields are {', '.join((*FIELDS, *declared))}.")
    given: Given = "probabilities" if "p" in left else "logits"
    inputs = _read_matrix("p" if given == "probabilities" else "z", left)
    values: dict[str, Any] = {
        "names": tuple(map(unquote, left["names"].split(","))) if "names" in left else tuple(map(str, range(len(inputs[0])))),
        "targets": _read_matrix("t", left, True) if "t" in left else _read_names(left),
        "places": tuple(int(n) if n.isascii() and n.isdigit() else n for n in left["places"].split("x"))
        if "places" in left else (),
    }  # fmt: skip
    for field, name in (("w", "weight"), ("pos", "pos_weight"), ("rows", "row_weight")):
        values[name] = tuple(_number(field, cell) for cell in left[field].split(",")) if field in left else ()
    values |= {name: left[name] for name in ("reduction", "dtype") if name in left}
    return Batch(record.key, inputs=inputs, params=tuple(params.items()), given=given, **values)


def _quoted(name: str) -> str:
    return quote(name, safe=SAFE)


def _written(value: float) -> str:
    text = repr(float(value))
    return text.removesuffix(".0")


def _matrix(rows: Rows) -> str:
    return ";".join(",".join(GAP if cell is None else _written(cell) for cell in row) for row in rows)


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"Field {field} of the link: expected a number, got {brief(text)}.") from None


def _read_matrix(field: str, left: Mapping[str, str], gaps: bool = False) -> Any:
    if field not in left:
        raise ValueError("A receipt's link needs the field z (logits) or p (probabilities).")
    rows = left[field].split(";")
    return tuple(
        tuple(None if gaps and cell == GAP else _number(field, cell) for cell in row.split(",")) for row in rows
    )  # fmt: skip


def _read_names(left: Mapping[str, str]) -> tuple[str | None, ...]:
    if "y" not in left:
        raise ValueError("A receipt's link needs the field y (class names) or t (numbers in [0, 1]).")
    return tuple(None if name == GAP else unquote(name) for name in left["y"].split(";"))
