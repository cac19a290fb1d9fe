"""The staircase of the design: a module imports only what stands above it, and nothing grows too big to read."""

import ast
import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STAIRCASE = """
    registry memory data weighting losses sampling models sequence_models metrics bootstrap thresholds decisions tasks theory
    strategy experiment tuning moments optimiser stack series_stack class_shares snapshot training evaluation reuse rows digest
    advice operating verdict dial receipt pitfalls scenarios pacing courtesy limits failure waiting runner sweeps figures export
    run ui
""".split()
CODE = [
    path for path in chain((ROOT / "lib").rglob("*.py"), (ROOT / "pages").rglob("*.py"), [ROOT / "app.py"]) if path.exists()
]
LIB = [path for path in CODE if path.is_relative_to(ROOT / "lib")]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
GLOBAL_STATE = re.compile(
    r"torch\.(random\.)?(manual_seed|seed|set_grad_enabled|set_default_dtype|set_rng_state)\(|np\.random\.(seed|set_state)\("
    r"|\brandom\.seed\("
)
LAZY_WORDS = {"utils", "helpers", "common", "misc", "base"}


def name_of(path):
    return str(path.relative_to(ROOT))


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path):
    """Dotted names of every module that a file imports, wherever in the file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} has a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def step_of(module):
    """The name on the staircase of a module of lib: `lib.losses.focal` stands on `losses`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "lib" and len(parts) > 1 else None


def own_step(path):
    return path.relative_to(ROOT / "lib").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", LIB, ids=name_of)
def test_a_module_imports_only_what_stands_above_it(path):
    own = own_step(path)
    if own == "__init__":
        return
    assert own in STAIRCASE, f"lib/{own} has no place on the staircase; give it one in this test and in the design"
    above = STAIRCASE[: STAIRCASE.index(own) + 1]
    below = {module for module in imported(path) if step_of(module) and step_of(module) not in above}
    assert not below, f"{name_of(path)} reaches down to {sorted(below)}"


@pytest.mark.parametrize("path", LIB, ids=name_of)
def test_lib_imports_neither_pages_nor_tests(path):
    assert not {module for module in imported(path) if module.split(".")[0] in ("pages", "tests", "app")}


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_only_ui_and_pages_know_streamlit_and_only_figures_know_plotly(path):
    roots = {module.split(".")[0] for module in imported(path)}
    place = path.relative_to(ROOT).parts
    if place[:2] != ("lib", "ui") and place[0] not in ("pages", "app.py"):
        assert "streamlit" not in roots
    if place[:2] != ("lib", "figures") and place != ("lib", "ui", "live_plotly.py"):
        assert "plotly" not in roots


@pytest.mark.parametrize("path", [*CODE, *TESTS], ids=name_of)
def test_a_file_is_short_enough_to_read(path):
    place = path.relative_to(ROOT).parts[0]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= {"pages": 80, "app.py": 40}.get(place, 400)


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_function_has_at_most_60_lines(path):
    functions = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert not [f"{f.name}: {f.end_lineno - f.lineno + 1}" for f in functions if f.end_lineno - f.lineno >= 60]


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_file_is_named_for_what_it_holds(path):
    assert not LAZY_WORDS & set(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", LIB, ids=name_of)
def test_a_module_says_what_it_does(path):
    assert path.name == "__init__.py" or ast.get_docstring(parsed(path)), f"{name_of(path)} has no docstring"


@pytest.mark.parametrize("path", [p for p in LIB if own_step(p) not in ("export", "pitfalls")], ids=name_of)
def test_nobody_touches_state_that_visitors_share(path):
    calls = [ast.unparse(node) for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    assert not [call for call in calls if GLOBAL_STATE.match(call)]


@pytest.mark.parametrize("path", LIB, ids=name_of)
def test_classes_hold_values_or_state_and_inherit_from_nn_module_alone(path):
    allowed = {"nn.Module", "nn.Sequential", "Mapping", "Protocol", "Generic", "NamedTuple", "TypedDict", "Enum", "StrEnum"}
    allowed |= {"Executor"}  # the standard library's contract
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ClassDef):
            assert not re.search("Manager|Handler|Helper|Utils|Base", node.name)
            bases = {re.sub(r"\[.*", "", ast.unparse(base)) for base in node.bases}
            errors = ("Error", "Exception", "BrokenExecutor")
            assert bases <= allowed or all(base.endswith(errors) for base in bases), f"{node.name}: {bases}"


def test_the_top_level_holds_only_what_the_design_lists():
    code = "app.py pages lib tests requirements.txt README.md .streamlit .ci .gitignore pyproject.toml static"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {path.split("/")[0] for path in tracked} <= set(code.split())
