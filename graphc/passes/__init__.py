"""Passes over the whole graph: folding, fusion into kernels, their order, and where their results live."""
