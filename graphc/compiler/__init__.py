"""The way from a graph to a function: the pipeline, its stages, and what a call does when arguments are not plain."""

from .function import Function, compile, optimize

__all__ = ["Function", "compile", "optimize"]
