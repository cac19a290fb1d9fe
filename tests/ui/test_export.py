"""Links that promise a result, and links to files, as a visitor meets them."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.ui.test_pages import button, finish, go, status

SMALL = {"data.n": "400", "data.n_val": "200", "data.n_test": "500", "training.epochs": "2", "s1": "plain", "s2": "balanced",
         "s2.weighting": "balanced"}  # fmt: skip


def opened(app: AppTest, fields: dict[str, str], page: str = "compare") -> AppTest:  # noqa: F811
    """A link as its visitor opens it: in place of the fields that are there."""
    app.query_params.clear()
    app.query_params.update(fields)
    return go(app, page)


def digest_of(app: AppTest) -> str:  # noqa: F811
    told = app.query_params["digest"]
    return told[0] if isinstance(told, list) else told


def test_a_result_puts_its_digest_into_the_link_and_another_visitor_reproduces_it(app: AppTest) -> None:  # noqa: F811
    opened(app, SMALL)
    button(app, "Train").click().run()
    told = digest_of(finish(app).run())
    assert told.count(",") == 1 and not app.success  # nothing was promised

    other = AppTest.from_file("../../app.py", default_timeout=60)
    opened(other.run(), SMALL | {"digest": told})
    assert digest_of(other) == told
    button(other, "Train").click().run()
    assert finish(other).run().success[0].value.startswith("Reproduced")


def test_a_difference_is_said(app: AppTest) -> None:  # noqa: F811
    opened(app, SMALL | {"digest": "0.0001/0.999,0.0001/0.999"})
    button(app, "Train").click().run()
    told = finish(app).run().warning[0].value.replace("\\", "")
    assert told.startswith("Differs by") and "validation NLL" in told


@pytest.mark.parametrize("digest", ["<script>", "0.1/0.9"])
def test_a_digest_that_is_none_opens_nothing(app: AppTest, digest: str) -> None:  # noqa: F811
    opened(app, SMALL | {"digest": digest})
    assert "The link does not work: digest must hold" in app.error[0].value.replace("\\", "")
    assert "4 strategies" in status(app) and not app.exception


def test_a_link_to_a_file_asks_for_it_and_notices_another(app: AppTest) -> None:  # noqa: F811
    rows = "\n".join(f"{i % 7},{i % 5},{'yes' if i % 10 == 0 else 'no'}" for i in range(200))
    right, wrong = f"a,b,fraud\n{rows}\n".encode(), f"a,b,other\n{rows}\n".encode()
    go(app, "data")
    app.session_state["w0/way"] = "upload"
    app.run()
    app.file_uploader[0].upload("fraud.csv", right).run()
    link = dict(app.query_params)

    other = AppTest.from_file("../../app.py", default_timeout=60)
    opened(other.run(), link, "data")
    asked = other.warning[0].value.replace("\\", "")
    assert "is on the file fraud.csv (sha256 " in asked and "label fraud" in asked and "Files do not travel" in asked
    other.file_uploader[0].upload("other.csv", wrong).run()
    assert any("Got another file: other.csv" in error.value.replace("\\", "") for error in other.error)
    other.file_uploader[0].upload("fraud.csv", right).run()
    assert not other.error and "fraud.csv · 120 training rows" in status(other.run())
    assert dict(other.query_params) == link
    assert not other.exception
