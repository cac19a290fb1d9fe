"""How does the effect of weights depend on everything else? One comparison is a point, a sweep is the map."""

from lib.ui import frame

frame.through_app()  # before torch is imported: the heading does not wait for it

from lib.ui import sweep_controls, sweep_view  # noqa: E402

sweep = sweep_controls.choose()
sweep_controls.controls(sweep)
sweep_view.live(sweep)
