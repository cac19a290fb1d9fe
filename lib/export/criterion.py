"""The loss of a strategy as PyTorch code: the code of its record, with this strategy's numbers and nothing it does not use.

Keyword arguments that only repeat torch's own default go, and so do weights where there are none. Where the reduction is
not the record's own (sample weights, the fixed normaliser) the criterion gives one term per row.
"""

import ast
import inspect
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from torch import nn
from torch.nn import functional

from lib.losses import Loss

MODULES = {"nn": nn, "F": functional}
LAMBDA = re.compile(r"^criterion = lambda logits, targets: ", re.MULTILINE)
Edit = tuple[int, int, str]  # from, to, text


def criterion_code(loss: Loss, params: Mapping[str, Any], *, ones: Collection[str] = (), per_row: bool = False) -> str:
    """Code that defines `criterion(logits, targets)`; see `Loss.code` for the names that it reads.

    `ones` are the names of weights that are 1 everywhere. `per_row`: one term per row, not their mean.
    """
    code = LAMBDA.sub(r"def criterion(logits, targets):\n    return ", loss.code.format(**params))
    code = code.replace("\ndef criterion", "\n\ndef criterion")  # among other statements it stands apart
    tree = ast.parse(code)
    edits = [edit for node in ast.walk(tree) if isinstance(node, ast.Call) for edit in _arguments(code, node, ones, per_row)]
    if per_row:
        edits += [edit for result in _results(tree) for edit in _unreduced(code, result)]
    for start, end, text in sorted(edits, reverse=True):
        code = code[:start] + text + code[end:]
    return code


def _arguments(code: str, call: ast.Call, ones: Collection[str], per_row: bool) -> Iterator[Edit]:
    """The call of a loss of torch without the arguments that say nothing, and with the reduction that is asked for."""
    if not (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id in MODULES):
        return
    function = getattr(MODULES[call.func.value.id], call.func.attr)
    accepted = {} if inspect.isbuiltin(function) else inspect.signature(function).parameters
    if "reduction" not in accepted:
        return
    kept = [_text(code, argument) for argument in call.args]
    for keyword in call.keywords:
        idle = isinstance(keyword.value, ast.Name) and keyword.value.id in ones
        if not idle and not _repeats(keyword, accepted):
            kept.append(_text(code, keyword))
    if per_row and "reduction" not in [keyword.arg for keyword in call.keywords]:
        kept.append('reduction="none"')
    start, end = _span(code, call)
    yield start, end, f"{_text(code, call.func)}({', '.join(kept)})"


def _repeats(keyword: ast.keyword, accepted: Mapping[str, inspect.Parameter]) -> bool:
    try:
        given = ast.literal_eval(keyword.value)
    except ValueError:
        return False
    return given == accepted[str(keyword.arg)].default


def _results(tree: ast.Module) -> Iterator[ast.expr]:
    """What `criterion` gives back."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "criterion":
            yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Return) and part.value)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            yield node.value.body


def _unreduced(code: str, result: ast.expr) -> Iterator[Edit]:
    """`x.mean()`, `x.sum()` and `x.sum() / y.sum()` -> `x`."""
    numerator = result.left if isinstance(result, ast.BinOp) and isinstance(result.op, ast.Div) else result
    reduced = re.fullmatch(r"(.*)\.(mean|sum)\(\)", _text(code, numerator), re.DOTALL)
    if isinstance(numerator, ast.Call) and reduced:
        start, _ = _span(code, numerator)
        yield start + len(reduced[1]), _span(code, result)[1], ""


def _span(code: str, node: ast.expr | ast.keyword) -> tuple[int, int]:
    """Where a node stands in the text, in characters."""
    lines = code.splitlines(keepends=True)

    def place(line: int, column: int) -> int:
        return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())

    return place(node.lineno, node.col_offset), place(node.end_lineno or 0, node.end_col_offset or 0)


def _text(code: str, node: ast.expr | ast.keyword) -> str:
    start, end = _span(code, node)
    return code[start:end]
