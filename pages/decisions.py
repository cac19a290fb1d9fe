"""Is it learning, or a moved threshold? All strategies at all thresholds, with their weights taken off."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

from lib.ui import decisions_tables, decisions_view  # noqa: E402

question = decisions_view.question()
if question is not None:
    decisions_view.slider(question)
    decisions_view.pictures(question)
    decisions_tables.verdict(question)
    decisions_tables.routes(question)
    decisions_tables.choices(question)
    decisions_tables.calibration(question)
decisions_view.watch(question)
