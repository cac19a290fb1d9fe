"""Where plotly.js is: the library that draws the figures in a browser."""

import importlib.util
from pathlib import Path


def plotly_js() -> Path:
    """plotly.min.js of the installed plotly package, without importing it."""
    spec = importlib.util.find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ValueError("Expected the package plotly, found none. Run: pip install -r requirements.txt")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
