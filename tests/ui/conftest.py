"""The app as tests of pages open it."""

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest


@pytest.fixture
def unopened(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app in a process that has run it before (see lib/ui/frame.py on folders named pages)."""
    made = PagesManager.__init__

    def init(self: PagesManager, *args: object, **kwargs: object) -> None:
        made(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", init)
    return AppTest.from_file("../../app.py", default_timeout=60)


@pytest.fixture
def app(unopened: AppTest) -> AppTest:
    return unopened.run()
