"""A sample of the hostile inputs through the pages, as a visitor brings them: links, files, JSON, pasted text.

What was refused changes nothing; there is never an exception on screen, nor an error in the log.
"""

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as some
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from tests.fuzz.drive import different
from tests.fuzz.texts import LINKS, TEXTS
from tests.fuzz.uploads import PASTES, UPLOADS
from tests.fuzz.watch import LONGEST_SAID, Tally

APP = Path(__file__).parents[2] / "app.py"
PAGES = ("start", "data", "compare", "decisions", "dial", "receipt", "pitfalls", "sweep")
VISIT = 25  # inputs that one visitor brings, one after another
START = {"data.n": "300", "data.n_val": "100", "data.n_test": "100", "s1": "mine"}
BYTES = 100_000  # of an input; larger ones are tried against lib
BROUGHT = some.one_of(
    some.tuples(some.just("link"), LINKS, some.sampled_from(PAGES)),
    some.tuples(some.just("file"), UPLOADS, some.just("data")),
    some.tuples(some.just("json"), TEXTS, some.just("compare")),
    some.tuples(some.just("paste"), PASTES, some.just("data")),
    some.tuples(some.just("rows"), PASTES, some.just("receipt")),
)


class Log(logging.Handler):
    """What the program complains of while it answers."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record)[-400:])


def through_pages(count: int) -> Tally:
    """So many inputs through the pages, by one visitor after another."""
    tally, log, visitor = Tally(), Log(), [open_app()]
    logging.getLogger().addHandler(log)
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("streamlit")]
    for logger in loggers:
        logger.addHandler(log)

    def use(brought: tuple[str, Any, str]) -> None:
        if tally.inputs % VISIT == 0:
            visitor[0] = open_app()
        bring(tally, visitor[0], *brought)
        if log.said:
            tally.unhandled.append(f"in the log: {log.said.pop()} <- {brought!r}"[:800])
            log.said.clear()

    try:
        with opened_before():
            different(BROUGHT, use, count)
    finally:
        for logger in (logging.getLogger(), *loggers):
            logger.removeHandler(log)
    return tally


@contextlib.contextmanager
def opened_before() -> Iterator[None]:
    """As in a process that has run the app before (see lib/ui/frame.py on folders named pages)."""
    made = PagesManager.__init__

    def init(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    with mock.patch.object(PagesManager, "__init__", init):
        yield


def open_app() -> AppTest:
    """A visitor with an experiment of their own."""
    app = AppTest.from_file(str(APP), default_timeout=120).run()
    return opened(app, "compare", START)


def opened(app: AppTest, page: str, query: dict[str, str]) -> AppTest:
    app.query_params.clear()
    app.query_params.update(query)
    return app.switch_page(f"pages/{page}.py").run()


def bring(tally: Tally, app: AppTest, kind: str, what: Any, page: str) -> None:
    """One input; counted, and what went wrong with it noted."""
    tally.inputs += 1
    hand_over = {"link": link, "file": file, "json": opened_json, "paste": paste, "rows": rows}[kind]
    start = time.perf_counter()
    before = app.session_state["cw_visit"].experiment
    try:
        for step in hand_over(app, what, page):
            before = app.session_state["cw_visit"].experiment
            step.run()
        wrong = [f"on screen: {one.message[:200]}" for one in app.exception]
    except Exception as error:  # AppTest hands on what it could not build
        wrong = [f"{type(error).__name__}: {error}"[:300]]
    taken = time.perf_counter() - start
    after = app.session_state["cw_visit"].experiment
    said = [error.value for error in app.error]
    if any("unchanged" in text or "stay as they were" in text for text in said) and after != before:
        wrong.append(f"refused, and yet the experiment changed: {said[0][:200]}")
    wrong += [f"{len(text)} characters on screen" for text in said if len(text) > 3 * LONGEST_SAID]
    tally.answered += not said
    tally.unhandled += [f"{one} <- {page} {kind} {what!r}"[:900] for one in wrong]
    if taken > tally.worst_s:
        tally.worst_s, tally.worst = taken, f"{page} {kind} {what!r}"[:300]


def link(app: AppTest, query: dict[str, str], page: str) -> Iterator[Any]:
    app.query_params.clear()
    app.query_params.update({name: text for name, text in query.items() if len(text) <= BYTES})
    yield app.switch_page(f"pages/{page}.py")


def file(app: AppTest, upload: tuple[str, bytes, dict[str, Any]], page: str) -> Iterator[Any]:
    way(opened(app, page, {}), "upload")
    yield app.file_uploader[0].upload(upload[0] or "x.csv", upload[1][:BYTES])


def opened_json(app: AppTest, text: str, page: str) -> Iterator[Any]:
    app.session_state["export"] = True  # the fold Share and export
    if not opened(app, page, {}).file_uploader:  # the last link told of rows that cannot be had: the page ends there
        app.session_state["export"] = True
        opened(app, page, START)
    yield app.file_uploader[0].upload("experiment.json", text.encode("utf-8", "surrogatepass"))


def paste(app: AppTest, text: str, page: str) -> Iterator[Any]:
    way(opened(app, page, {}), "labels")
    yield app.text_area[0].set_value(sent(text))


def rows(app: AppTest, text: str, page: str) -> Iterator[Any]:
    opened(app, page, {}).text_area[0].set_value(sent(text)).run()
    yield next(button for button in app.button if button.label == "Use these rows").click()


def sent(text: str) -> str:
    """What a browser can send of it: no half characters, and no more than so much."""
    return text[:BYTES].encode("utf-8", "replace").decode()


def way(app: AppTest, name: str) -> None:
    """Where the rows come from, on the page Data."""
    own = next(one for one in app.button_group if str(one.key).endswith("/way"))
    own.set_value([name] if isinstance(own.value, list) else name).run()
