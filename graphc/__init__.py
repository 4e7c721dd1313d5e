"""graphc: a symbolic computation-graph compiler."""
