"""Sweeps: one comparison is a point, a sweep is the map. Grid -> concurrent.futures.Executor -> store."""
