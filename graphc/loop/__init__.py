"""The loop IR: how a kernel is computed. Buffers, loops, vectors, registers and accumulators.

`lower` turns a kernel of the graph into scalar loops; `merge` and `vectorize` transform them; `contraction` builds
register-blocked loops for matmul. Operations are those of the same scalar table as the tensor graph.
"""
