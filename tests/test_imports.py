"""What a program that only starts does not wait for."""

import subprocess
import sys
from pathlib import Path


def test_the_pages_start_without_scikit_learn_and_scipy_stats():
    """Each takes half a second to import, and the first page needs neither."""
    code = (
        "import sys, lib.figures, lib.scenarios, lib.runner, lib.ui.compare_view, lib.ui.data_view\n"
        "print(*sorted({'sklearn', 'scipy.stats'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == ""
