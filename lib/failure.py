"""What a visitor reads of a training that failed."""

import logging

log = logging.getLogger(__name__)


def told(error: Exception) -> str:
    """A sentence; what is ours goes to the log as a whole."""
    if isinstance(error, ValueError):
        return str(error)
    log.error("A training failed.", exc_info=error)
    if isinstance(error, MemoryError) or "not enough memory" in str(error):
        return "Training stopped: there was not enough memory. Take fewer rows, strategies or seeds."
    return f"Training stopped by an error of ours: {type(error).__name__}."
