"""The receipt as paper: lines, a rule, the numerator, the divisor with its name, a double rule, the result.

HTML, because no widget draws a rule. Every text in it goes through `html.escape`: class names come from strangers.
"""

import html

import numpy as np

from lib.receipt import Batch, Receipt
from lib.receipt.words import shown

MOST_LINES = 60

CSS = """<style>
.receipt {border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 4px; padding: .8rem 1rem;
  background: color-mix(in srgb, currentColor 4%, transparent); overflow-x: auto; font-size: .88rem}
.receipt table {border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums}
.receipt td, .receipt th {border: none; padding: .12rem 0 .12rem .4rem; text-align: right; white-space: nowrap;
  font-weight: 400}
.receipt td:first-child, .receipt th:first-child {text-align: left; padding-left: 0}
.receipt td[colspan]:first-child {white-space: normal}
.receipt th {opacity: .75; border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent)}
.receipt .chosen td {background: color-mix(in srgb, currentColor 9%, transparent)}
.receipt .quiet td {opacity: .7}
.receipt .rule td {border-top: 1.5px solid currentColor; padding-top: .35rem}
.receipt .result td {border-top: 4px double currentColor; padding-top: .35rem; font-weight: 700; font-size: 1.2rem}
</style>"""


def paper(receipt: Receipt, chosen: int) -> str:
    """The whole receipt as HTML; `chosen` is the line whose formula is shown."""
    heads, body = _lines(receipt)
    width = len(heads)
    rows = ["".join(f"<th>{html.escape(head)}</th>" for head in heads)]
    marks = [f'<tr class="chosen">{cells}</tr>' if line == chosen else f"<tr>{cells}</tr>" for line, cells in body[:MOST_LINES]]
    if len(body) > MOST_LINES:
        rest = receipt.work.weighted.ravel()[MOST_LINES:].sum()
        marks.append(_foot("quiet", f"{len(body) - MOST_LINES} more lines, together", shown(float(rest)), width))
    table = f"<thead><tr>{rows[0]}</tr></thead><tbody>{''.join(marks)}{_total(receipt, width)}</tbody>"
    return f'{CSS}<div class="receipt" role="region" aria-label="Receipt"><table>{table}</table></div>'


def _lines(receipt: Receipt) -> tuple[list[str], list[tuple[int, str]]]:
    """Heads, and per term its line in the batch and its cells."""
    return _questions(receipt) if receipt.batch.record.yes_no else _classes(receipt)


def _classes(receipt: Receipt) -> tuple[list[str], list[tuple[int, str]]]:
    batch, work, numbers = receipt.batch, receipt.work, receipt.numbers
    sign = "z" if batch.given == "logits" else "p"
    by = "∂z" if batch.record.differentiates(batch.given) == "logit" else "∂p"
    heads = [
        _row_head(batch),
        "target",
        *([f"{sign} true"] if sign == "z" else []),
        "p true",
        "loss ℓ",
        "w",
        "w·ℓ",
        f"grad {by}",
    ]
    rows = []
    for line in range(batch.lines):
        true = numbers.targets[line]
        ignored = numbers.index is not None and numbers.index[line] < 0
        target = "ignored" if ignored else _brief(str(batch.class_targets[line])) if batch.indexed else "mixed"
        if not batch.indexed and true.max() == 1:
            target = _brief(batch.names[int(true.argmax())])
        own = int(true.argmax())
        cells = [
            _row(batch, line), target, *([_cell(float(numbers.inputs[line, own]))] if sign == "z" else []),
            "–" if ignored else _cell(float((work.probability[line] * true).sum())), *_term(receipt, line),
            _cell(0.0 if ignored else float(receipt.gradient[line, own])),
        ]  # fmt: skip
        rows.append((line, _cells(cells)))
    return heads, rows


def _questions(receipt: Receipt) -> tuple[list[str], list[tuple[int, str]]]:
    batch, work, numbers = receipt.batch, receipt.work, receipt.numbers
    several = len(batch.names) > 1
    by = "∂z" if batch.record.differentiates(batch.given) == "logit" else "∂p"
    logits = batch.given == "logits"
    heads = [_row_head(batch), *(["label"] if several else []), "target", *(["z"] if logits else [])]
    heads += ["p", "loss ℓ", "w", "w·ℓ", f"grad {by}"]
    rows = []
    for line in range(batch.lines):
        for column, name in enumerate(batch.names):
            target = numbers.targets[line, column]
            at = (line, column)
            cells = [
                _row(batch, line), *([_brief(name)] if several else []),
                "padding" if np.isnan(target) else _cell(float(target)),
                *([_cell(batch.inputs[line][column])] if logits else []),
                _cell(float(work.probability[at])), *_term(receipt, at), _cell(float(receipt.gradient[at])),
            ]  # fmt: skip
            rows.append((line, _cells(cells)))
    return heads, rows


def _row_head(batch: Batch) -> str:
    return ("row", "row, step", "row, pixel")[len(batch.places)]


def _row(batch: Batch, line: int) -> str:
    """`2`, `2, 3` or `2, 0 1`."""
    return batch.line_name(line).replace("row ", "").replace("step ", "").replace("pixel ", "")


def _term(receipt: Receipt, at: int | tuple[int, int]) -> list[str]:
    """Loss, weight and their product; several weights in one term are "mixed"."""
    weight = float(receipt.work.weights[at])
    return [
        _cell(float(receipt.work.losses[at])), "mixed" if np.isnan(weight) else _cell(weight),
        _cell(float(receipt.work.weighted[at])),
    ]  # fmt: skip


def _total(receipt: Receipt, width: int) -> str:
    """Numerator, divisor and its name, result, and torch's own number."""
    batch = receipt.batch
    if batch.reduction == "none":
        lines = [_foot("rule", "nothing is added up: reduction none, one number per term", "", width)]
        lines.append(_foot("result", f"{len(receipt.values)} numbers, together", shown(receipt.value), width))
    else:
        name = html.escape(receipt.divisor_name)
        divided = f"divided by {name}" if receipt.divisor_name != "nothing" else "divided by nothing (sum)"
        lines = [
            _foot("rule", "numerator: sum of w·ℓ", shown(receipt.numerator), width),
            _foot("", f"{divided}", shown(receipt.divisor), width),
            _foot("result", "loss, by hand", shown(receipt.value), width),
        ]
    return "".join([*lines, _torch(receipt, width)])


def _torch(receipt: Receipt, width: int) -> str:
    module = f"torch.nn.{receipt.batch.record.label}"
    if receipt.torch.error:
        return _foot("", f"{module} refuses: {html.escape(receipt.torch.error)}", "✗", width)
    value = shown(float(receipt.torch.values.sum()))
    if receipt.agrees:
        apart = (
            "value and gradient agree" if not receipt.difference else f"differ by {receipt.difference:.0e}, gradient included"
        )
        return _foot("", f"{module}: {apart}", f"{value} ✓", width)
    return _foot("", f"{module}: differs by {receipt.difference:.0e}, gradient included", f"{value} ✗", width)


def _foot(kind: str, label: str, value: str, width: int) -> str:
    """A line below the rows. `label` is ours or escaped."""
    return f'<tr class="{kind}"><td colspan="{width - 2}">{label}</td><td colspan="2">{value}</td></tr>'


def _cell(value: float) -> str:
    """A number of one line: four digits, so that all columns fit."""
    return shown(value, 4)


def _cells(texts: list[str]) -> str:
    return "".join(f"<td>{html.escape(text)}</td>" for text in texts)


def _brief(name: str) -> str:
    return name if len(name) <= 12 else name[:11] + "…"
