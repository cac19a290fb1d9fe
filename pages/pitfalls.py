"""Why does my weight not do what I think? The Field guide: mistakes that run, words, and the shape lab."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it


from lib.ui import guide_view, lab_view  # noqa: E402

guide_view.linked()
lab_view.lab()
guide_view.cards()
