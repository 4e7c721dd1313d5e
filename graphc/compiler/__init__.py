"""The way from a graph to a function: the pipeline, its stages, and what a call does when arguments are not plain."""

from .function import Function, compile, optimize
from .tracing import Jit, jit

__all__ = ["Function", "Jit", "compile", "jit", "optimize"]
