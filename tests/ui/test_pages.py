"""The pages as a visitor uses them, without a browser."""

import re
import time

from streamlit.testing.v1 import AppTest

COUNTS = "cat 900, dog 90, bird 10"


def go(app: AppTest, page: str) -> AppTest:
    return app.switch_page(f"pages/{page}.py").run()


def status(app: AppTest) -> str:
    return app.caption[0].value.replace("\u2009", " ").replace("\\", "")


def finish(app: AppTest) -> AppTest:
    """Run again until the training has ended."""
    for _ in range(200):
        app.run()
        if any("finished" in text or "stopped" in text for text in progress(app)):
            return app
        time.sleep(0.1)
    raise AssertionError(f"The training did not end: {progress(app)}")


def progress(app: AppTest) -> list[str]:
    return [element.proto.text for element in app.get("progress")]


def button(app: AppTest, label: str):  # noqa: ANN201
    return next(b for b in app.button if b.label == label)


def choose(app: AppTest, label: str, value: str) -> AppTest:
    return next(b for b in app.get("button_group") if b.label == label).set_value([value]).run()


def test_start_offers_every_scenario(app) -> None:
    assert not app.exception
    assert app.title[0].value == "What do weights do to a loss?"
    assert len([b for b in app.button if b.label == "Run"]) >= 9


def test_a_scenario_trains_and_ends_in_a_table(app) -> None:
    button(app, "Run").click().run()
    go(app, "compare")
    finish(app)
    assert not app.exception
    table = app.dataframe[0].value
    assert table.columns.tolist() == ["metric", "A plain", "B square root", "C balanced", "D logit-adjusted loss"]
    rows = table.set_index("metric")
    assert rows.loc["Always majority"].tolist() == ["0.950"] * 4
    assert rows.loc["Balanced accuracy", "A plain"].startswith("0.8")
    assert rows.loc["Balanced accuracy", "C balanced"].startswith("0.92")


def test_pasted_counts_give_weights_and_the_tensor(app) -> None:
    go(app, "data")
    app.session_state["w0/way"] = "labels"
    app.run()
    app.text_area[0].set_value(COUNTS).run()
    assert not app.exception
    assert "1 000 training rows · 3 classes · 1 : 90" in status(app)
    table = next(d.value for d in app.dataframe if "scheme" in d.value)
    row = table.set_index("scheme").loc["Balanced"]
    assert row[["0: cat", "1: dog", "2: bird"]].tolist() == [0.3704, 3.704, 33.33]
    assert row["max / min"] == 90
    code = app.code[0].value
    assert "33.3333333,  # 2: bird" in code and "nn.CrossEntropyLoss(weight=weight)" in code


def test_an_upload_is_used_and_a_bad_one_loses_nothing(app) -> None:
    go(app, "data")
    app.session_state["w0/way"] = "upload"
    app.run()
    rows = "\n".join(f"{i % 7},{i % 5},{'yes' if i % 10 == 0 else 'no'}" for i in range(200))
    app.file_uploader[0].upload("fraud.csv", f"a,b,fraud\n{rows}\n".encode()).run()
    assert not app.exception
    assert "fraud.csv · 120 training rows · 2 classes · 1 : 9" in status(app)
    app.file_uploader[0].upload("fraud.zip.csv", b"PK\x03\x04" + bytes(100)).run()
    assert not app.exception
    assert any("The data stay as they were" in e.value for e in app.error)
    assert "fraud.csv · 120 training rows" in status(app)


def test_who_comes_back_to_his_file_is_told_how_to_read_it_in_another_way(app) -> None:
    go(app, "data")
    app.session_state["w0/way"] = "upload"
    app.run()
    again = "To read your file in another way, upload it again."
    rows = "\n".join(f"{i},{i % 7},{int(i % 10 == 0)}" for i in range(200))
    app.file_uploader[0].upload("fraud.csv", f"a,b,fraud\n{rows}\n".encode()).run()
    assert again not in [text.value for text in app.caption]
    go(app, "compare")
    go(app, "data")
    assert again in [text.value for text in app.caption]


def test_data_of_ten_classes_take_bce_out_of_the_strategies_and_say_so(app) -> None:
    app.query_params.update({"s1": "mine", "s1.loss": "bce_with_logits", "s1.weighting": "pos_weight"})
    go(app, "data")
    app.session_state["w1/way" if "w1/way" in app.session_state else "w0/way"] = "bundled"
    app.run()
    told = " ".join(i.value.replace("\\", "") for i in app.info)
    assert "mine: loss bce_with_logits is for binary" in told and "it now uses cross-entropy" in told


def test_impossible_choices_are_not_offered(app) -> None:
    app.query_params.update({"data": "ring", "s1": "a"})
    go(app, "compare")
    losses = next(s for s in app.selectbox if s.label == "Loss")
    assert "BCE with logits" not in losses.options and "Cross-entropy" in losses.options


def test_duplicate_remove_and_undo(app) -> None:
    go(app, "compare")
    button(app, "Duplicate").click().run()
    assert "5 strategies" in status(app)
    assert app.text_input[0].value == "plain (2)"
    next(s for s in app.selectbox if s.label == "Class weights").set_value("balanced").run()  # the copy is what is edited
    assert app.text_input[0].value == "plain (2)" and app.query_params["s5.weighting"] == "balanced"
    button(app, "Remove").click().run()
    assert "4 strategies" in status(app)
    button(app, "Undo").click().run()
    assert "5 strategies" in status(app)


def test_a_name_that_is_taken_is_refused_beside_its_widget(app) -> None:
    go(app, "compare")
    app.text_input[0].set_value("balanced").run()
    assert any("is there twice" in e.value for e in app.error)
    assert "4 strategies" in status(app) and not app.exception


def test_warnings_stand_above_the_training(app) -> None:
    app.query_params.update({"s1": "both", "s1.weighting": "balanced", "s1.sampler": "weighted_random"})
    go(app, "compare")
    assert any("corrected twice" in w.value.replace("\\", "") for w in app.warning)


def test_a_diverging_strategy_is_named_and_the_other_goes_on(app) -> None:
    # A batch of rows that all have weight 0: 0/0, as in torch.
    wild = {"s2": "wild", "s2.weighting": "manual", "s2.weighting.weights": "0,1", "s2.training.batch_size": "4"}
    app.query_params.update({"data.n": "500", "training.epochs": "3", "s1": "calm"} | wild)
    go(app, "compare")
    button(app, "Train").click().run()
    finish(app)
    assert any("B wild diverged in epoch" in w.value.replace("\\", "") for w in app.warning)
    assert app.dataframe[0].value["A calm"][0] != "–"


def unfold(app: AppTest, name: str) -> AppTest:
    """Open a part of the sidebar that is folded away."""
    version = max(v for v in range(20) if f"w{v}/s0/name" in app.session_state)
    app.session_state[f"w{version}/{name}/open"] = True
    return app.run()


def test_fair_learning_rates_say_what_they_cost_and_what_was_chosen(app) -> None:
    go(app, "compare")
    for _ in range(2):
        button(app, "Remove").click().run()
    unfold(app, "training")
    next(t for t in app.toggle if t.label == "Fair learning rates").set_value(True).run()
    captions = " ".join(c.value for c in app.caption)
    assert "30 runs are trained instead of 6, and 6 are shown" in captions and not app.exception
    button(app, "Train").click().run()
    finish(app)
    assert not app.exception
    told = next(c.value for c in app.caption if c.value.startswith("Learning rate chosen"))
    assert "by balanced accuracy on validation" in told and "of 0.005, 0.015, 0.05, 0.15, 0.5" in told
    assert re.search(r"\*\*A\*\* .*: \*\*0\.\d+\*\*.* · \*\*B\*\* .*: \*\*0\.\d+", told)
    assert app.query_params["training.lr_grid"] == "0.005,0.015,0.05,0.15,0.5"
    next(t for t in app.toggle if t.label == "Fair learning rates").set_value(False).run()
    assert "training.lr_grid" not in app.query_params


def test_a_switch_for_row_weights_stands_where_the_data_have_some(app) -> None:
    app.query_params.update({"data": "unreliable", "data.n": "500", "s1": "a", "s1.sample_weight": "false"})
    go(app, "compare")
    unfold(app, "s0/own")
    toggle = next(t for t in app.toggle if "sample weight" in t.label.lower())
    assert toggle.value is False and any("without row weights" in m.value for m in app.markdown)
    toggle.set_value(True).run()
    assert not any("without row weights" in m.value for m in app.markdown)
    app.query_params.clear()


def test_without_row_weights_in_the_data_there_is_no_switch(app) -> None:
    go(app, "compare")
    unfold(app, "s0/own")
    assert not [t for t in app.toggle if "sample weight" in t.label.lower()]
