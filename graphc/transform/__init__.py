"""Graphs made of graphs: batches, Jacobians, functions with derivatives of their own, and one of two functions."""

from .conditional import cond
from .custom import custom_vjp
from .derivatives import hessian, hvp, jacobian
from .vectorize import vmap

__all__ = ["cond", "custom_vjp", "hessian", "hvp", "jacobian", "vmap"]
