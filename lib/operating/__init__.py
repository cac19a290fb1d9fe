"""Operating points of finished runs: is it learning, or a moved threshold?

`scored` reads the scores of a snapshot as yes/no questions; `points` follows all thresholds; `costs`, `calibration` and
`intervals` say what they cost, whether the probabilities mean what they say, and how sure one can be. All of it takes flat
(y_true in {0, 1}, score) pairs, so that a class against the rest, a label or a time step come in the same way.
"""
