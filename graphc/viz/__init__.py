"""Pictures of graphs: forward, backward, and compiled.

subject   what is drawn: expressions, graphs, compiled functions; names and values for their nodes
graphs    graph → picture           kernels   compiled function → picture
wording   each op as a reader says it
picture   boxes, arrows, groups     collapse  fewer of them
style     palette, shapes, fonts    dot       picture → DOT text
render    DOT text → SVG, PNG, PDF, within a time limit; layout.py is the process that does it
drawing   what users hold
"""

from .drawing import Drawing, draw
from .render import LayoutTimeoutError, RenderError

__all__ = ["Drawing", "LayoutTimeoutError", "RenderError", "draw"]
