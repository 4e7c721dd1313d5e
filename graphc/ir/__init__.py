"""The tensor graph: dtypes, sizes, operations, interned expressions, their verifier and printed form."""
