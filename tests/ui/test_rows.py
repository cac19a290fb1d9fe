"""The rows of a cell as a visitor lists them without a mouse; clicks are in tests/browser/test_rows.py."""

import numpy as np
import pytest

from tests.ui.test_pages import button, finish, go

FIELDS = {"data.n": "400", "data.n_val": "300", "data.n_test": "200", "training.epochs": "3", "model": "linear",
          "training.lr": "0.05", "s1": "plain", "s2": "![x](http://x.y)", "s2.weighting": "balanced", "seeds": "0,1",
          }  # fmt: skip


def listed(app):
    """The table of the rows; the other tables of the page have no row numbers."""
    found = [own.value for own in app.dataframe if "row" in own.value or "step" in own.value]
    return found[0] if found else None


def choose(app, label: str, option: str):
    box = next(s for s in app.selectbox if s.label == label)
    return box.select_index(list(box.options).index(option)).run()


def told(app) -> str:
    return next(m.value for m in app.markdown if "taken for" in m.value).replace("\u2009", "").replace("\\", "")


def trained(app, **fields):
    app.query_params.clear()
    app.query_params.update(FIELDS | fields)
    go(app, "compare")
    button(app, "Train").click().run()
    return finish(app).run()


def test_rows_are_listed_by_names_and_each_cell_has_as_many_as_the_matrix(app) -> None:
    trained(app)
    assert any("Click a cell to list its rows" in c.value for c in app.caption) and listed(app) is None
    button(app, "List rows").click().run()
    assert not app.exception
    lines = listed(app)
    assert lines.columns.tolist() == ["row", "probability of 0 (predicted)", "probability of 1 (true)", "x1", "x2"]
    assert (np.diff(lines.iloc[:, 1]) <= 0).all()
    assert (lines.iloc[:, 1] + lines.iloc[:, 2]).to_numpy() == pytest.approx(1, abs=1e-6)
    assert told(app).startswith(f"**A plain**: **{len(lines)} validation row") and "seed 0, after epoch 3" in told(app)
    total = 0
    for true in "01":
        choose(app, "True class", true)
        for predicted in "01":
            choose(app, "Taken for", predicted)
            total += int(told(app).split("**: **")[1].split()[0])
    assert total == 300
    choose(app, "Split", "test")
    assert "test row" in told(app)
    choose(app, "Seed", "1")
    assert "seed 1" in told(app)
    strategy = next(s for s in app.selectbox if s.label == "Strategy")
    strategy.select_index(1).run()
    assert told(app).startswith("**B ![x](http:")  # escaped on screen
    assert any("the mean over all seeds, and these are the rows of one" in c.value for c in app.caption)
    button(app, "Close").click().run()
    assert listed(app) is None and not app.exception


def test_the_list_follows_to_an_epoch_of_which_the_model_was_kept(app) -> None:
    trained(app)
    button(app, "List rows").click().run()
    now = told(app)
    choose(app, "After epoch", "1")
    assert "after epoch 1" in told(app) and told(app) != now and not app.exception


@pytest.mark.parametrize(
    ("fields", "columns"),
    [
        ({"data": "events", "data.n": "40", "data.n_val": "20", "data.n_test": "20", "model": "lstm", "training.epochs": "2"},
         ["series", "step", "probability of no event (predicted)", "probability of event (true)", "x"]),
        ({"data": "multilabel", "s1.loss": "bce_with_logits", "s2.loss": "bce_with_logits"},
         ["row", "probability of no label 1 (predicted)", "probability of label 1 (true)", "x"]),
    ],
)  # fmt: skip
def test_series_and_labels_have_their_rows(app, fields, columns) -> None:
    trained(app, **fields)
    button(app, "List rows").click().run()
    assert not app.exception
    assert listed(app) is not None, told(app)
    assert listed(app).columns.tolist() == columns


def test_rows_of_an_upload_carry_the_numbers_of_the_file(app) -> None:
    go(app, "data")
    app.session_state["w0/way"] = "upload"
    app.run()
    rows = "\n".join(f"{i % 7},{i + 0.5},{'yes' if i % 10 == 0 else 'no'}" for i in range(200))
    app.file_uploader[0].upload("fraud.csv", f"=a,amount,fraud\n{rows}\n".encode()).run()
    go(app, "compare")
    button(app, "Train").click().run()
    finish(app).run()
    button(app, "List rows").click().run()
    choose(app, "True class", "no")
    lines = listed(app)
    assert not app.exception and len(lines) > 5
    assert (lines["row"] == lines["amount"] - 0.5 + 2).all()  # below the header, which is row 1
    assert any("its first row of data is row 2" in c.value for c in app.caption)
