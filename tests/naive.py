"""Plain twins: the same formulas, one pixel at a time in float64, that the fast versions must equal."""
