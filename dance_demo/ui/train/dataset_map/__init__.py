"""The map of a dataset in the step "Results"."""
