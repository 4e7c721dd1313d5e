"""Graphs made of graphs: vectorization over a batch, Jacobians, and functions with derivatives of their own."""

from .custom import custom_vjp
from .derivatives import hessian, hvp, jacobian
from .vectorize import vmap

__all__ = ["custom_vjp", "hessian", "hvp", "jacobian", "vmap"]
