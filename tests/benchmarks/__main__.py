"""python -m tests.benchmarks NAME [--json]: how long things take, in seconds unless a key says otherwise.

A benchmark is a module with `run() -> {key: number}` and, where bare numbers do not speak, `text(result) -> str`.
`--json` prints one flat JSON object, last on the output. No test asserts a duration.
"""

import argparse
import importlib
import json
import signal
import sys

BENCHMARKS = {
    "training": "our engine beside three other ways to train the same models",
    "scaling": "an epoch over strategies, rows, classes, widths and batch sizes",
    "sequence": "an LSTM on series, beside a plain loop",
    "upload": "reading a file of a visitor's",
    "live": "a training on screen, beside a plain Streamlit app",
    "sweep": "400 cells beside a plain loop, and what others notice of it",
    "dial": "the weight path of a linear model, beside a scikit-learn fit for each weight",
    "startup": "process start to the first chart",
    "fuzz": "10 000 hostile inputs of each kind against lib, and 200 through the pages",
    "crowd": "20 visitors at once: in each other's way or not, and 100 trainings cancelled",
    "soak": "what many visitors leave in memory, and the largest work that is allowed",
    "decisions": "all thresholds of 300 000 scores, and a drag of the slider in Chromium",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS, help="; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items()))
    parser.add_argument("--json", action="store_true", help="print one flat JSON object, last on the output")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and browsers end with us
    module = importlib.import_module(f"tests.benchmarks.{arguments.name}")
    result = module.run()
    if arguments.json:
        print(json.dumps(result))
    elif hasattr(module, "text"):
        print(module.text(result))
    else:
        print("\n".join(f"{key:24}{value:12.4g}" for key, value in result.items()))


if __name__ == "__main__":
    main()
