"""What is left in memory after many visitors, and what the largest allowed work takes at its peak.

The app is the real one, with the memory of Streamlit's cloud. Visitors come, train and go; one reruns a page again and again;
others upload a file each and go. Then everybody is forgotten (lib/ui/visit.py), and what is still resident is compared with
what was after a short warm-up of the same kind.
"""

import time
from collections.abc import Mapping

import numpy as np

from lib.experiment import DataSpec, Experiment, ModelSpec, Strategy, Training
from lib.registry import Params
from lib.runner import GRACE
from tests.benchmarks.crowd import CLOUD, UPLOADER
from tests.benchmarks.server import Server, serve
from tests.benchmarks.visitor import Visitor

CYCLES, RERUNS, UPLOADS = 200, 1000, 50
WARM = 10  # the warm-up is a tenth of all this
FILE_MB = 20
AWAY = 125  # seconds after which we (lib/ui/visit.py) and Streamlit (its sessions that lost their tab) have forgotten everybody


def run(
    *, cycles: int = CYCLES, reruns: int = RERUNS, uploads: int = UPLOADS, file_mb: float = FILE_MB, away: float = AWAY
) -> dict[str, float]:
    """rss_growth_mb, peak_mb, and what else there is to see of it.

    peak_mb: two trainings that are nearly as large as is allowed, and an upload beside them. soak_peak_mb: the highest of the
    soak itself. threads_before and threads_after: once all have been forgotten.
    """
    result = {"peak_mb": at_most(file_mb)}
    file = rows_csv(file_mb)
    with serve(COUNTERWEIGHT_MEMORY=CLOUD) as server:
        start = time.perf_counter()
        shift(server, max(cycles // WARM, 1), max(reruns // WARM, 1), max(uploads // WARM, 1), file)
        forget(server, away)
        before, threads = server.rss_mb, server.threads
        shift(server, cycles, reruns, uploads, file)
        forget(server, away)
        result |= {"rss_before_mb": before, "rss_after_mb": server.rss_mb, "rss_growth_mb": server.rss_mb - before}
        result |= {"soak_peak_mb": server.peak_mb, "threads_before": threads, "threads_after": server.threads}
        result["soak_s"] = time.perf_counter() - start
    return result | {"cycles": cycles, "reruns": reruns, "uploads": uploads, "file_mb": file_mb}


def forget(server: Server, away: float) -> None:
    """Wait until nobody is remembered; Streamlit looks at what is old when the next visitor comes and goes."""
    time.sleep(away)
    with Visitor(server.address) as last:
        last.wait(lambda: last.says("training rows"))
    time.sleep(GRACE + 5)


def shift(server: Server, cycles: int, reruns: int, uploads: int, file: bytes) -> None:
    """Some who train and go, one who renames a strategy all day, some who bring a file and go."""
    for turn in range(cycles):
        with Visitor(server.address, "compare", small(turn).to_query()) as visitor:
            visitor.click("Train")
            visitor.wait(lambda: visitor.says("· finished"))  # noqa: B023
    with Visitor(server.address, "compare", small(0).to_query()) as visitor:
        visitor.click("Train")
        visitor.wait(lambda: visitor.says("· finished"))
        for turn in range(reruns):
            visitor.run(id=visitor.widget("text_input", "Name").id, string_value=f"name {turn}")
    for turn in range(uploads):
        with Visitor(server.address, "data", small(turn).to_query()) as visitor:
            upload(visitor, f"{turn}.csv", file)


def small(turn: int) -> Experiment:
    """A training of half a second, on rows of its own."""
    data = DataSpec("gaussians", Params({"n": 2000, "n_val": 500, "n_test": 500}), seed=turn)
    strategies = (Strategy("plain"), Strategy("balanced", weighting="balanced"))
    return Experiment(strategies=strategies, data=data, training=Training(epochs=10, batch_size=128))


def upload(visitor: Visitor, name: str, file: bytes) -> None:
    """Choose to upload, give the file, and wait for what the page makes of it."""
    label = "Where the rows come from"
    visitor.wait(lambda: visitor.widget("button_group", label))
    visitor.run(id=visitor.widget("button_group", label).id, string_array_value={"data": ["Upload rows"]})
    visitor.upload(UPLOADER, name, file)
    visitor.wait(lambda: visitor.says(name.replace(".", "\\.")) and visitor.says("The rows"))


def at_most(file_mb: float) -> float:
    """Resident memory at its highest: two trainings nearly as large as is allowed, and an upload that is read beside them."""
    with serve(COUNTERWEIGHT_MEMORY=CLOUD) as server:
        with Visitor(server.address) as first:
            first.wait(lambda: first.says("training rows"))
        visitors = [Visitor(server.address, "compare", large(seed).to_query()) for seed in range(2)]
        for visitor in visitors:
            visitor.run()
            visitor.click("Train")
            visitor.wait(lambda: visitor.progress() > 0, 120)  # noqa: B023
        with Visitor(server.address, "data", small(0).to_query()) as guest:
            upload(guest, "peak.csv", rows_csv(file_mb))
        for visitor in visitors:
            visitor.click("Stop")
            visitor.wait(lambda: visitor.says("· stopped"))  # noqa: B023
            visitor.close()
        return server.peak_mb


def large(seed: int) -> Experiment:
    """As many rows as one training may have with the cloud's memory, nearly (lib/limits.py)."""
    strategies = tuple(Strategy(f"s{i}", weighting="power", weighting_params={"a": 0.15 * i}) for i in range(8))
    data = DataSpec("gaussians", Params({"n": 100_000, "n_val": 10_000, "n_test": 10_000}), seed=seed)
    return Experiment(strategies=strategies, data=data, model=ModelSpec("mlp"), training=Training(epochs=200, batch_size=1024))


def rows_csv(megabytes: float) -> bytes:
    """A file of about so many megabytes: nine measurements and a label."""
    draw = np.random.default_rng(0)
    some = draw.normal(size=(2000, 9)).round(4)
    lines = [",".join(map(str, row)) + f",{'common' if i % 12 else 'seldom'}\n" for i, row in enumerate(some.tolist())]
    head, block = ",".join([*(f"measured_{i}" for i in range(9)), "label"]) + "\n", "".join(lines)
    return (head + block * max(round(megabytes * 1e6 / len(block)), 1)).encode()


def text(result: Mapping[str, float]) -> str:
    """The result as a reader wants it, and what it does not show."""
    return "\n".join([
        f"Two trainings nearly as large as is allowed with {CLOUD}, and a file of {result['file_mb']:.0f} MB: "
        f"{result['peak_mb']:.0f} MB at the highest.",
        f"{result['cycles']:.0f} visitors who train and go, {result['reruns']:.0f} reruns, {result['uploads']:.0f} such files, "
        f"{result['soak_s']:.0f} s:",
        f"  resident after a warm-up {result['rss_before_mb']:.0f} MB, in the end {result['rss_after_mb']:.0f} MB: "
        f"{result['rss_growth_mb']:+.0f} MB; {result['soak_peak_mb']:.0f} MB at the highest",
        f"  threads before {result['threads_before']:.0f}, after {result['threads_after']:.0f}",
        "Resident memory of the server's process, all visitors forgotten; a visitor who comes faster than others are forgotten "
        "finds more.",
    ])  # fmt: skip
