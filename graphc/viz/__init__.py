"""Pictures of graphs: forward, backward, and compiled.

subject   what is drawn: expressions, graphs, compiled functions; names and values for their nodes
graphs    graph → picture           kernels   compiled function → picture
wording   each op as a reader says it
picture   boxes, arrows, groups     collapse  fewer of them
style     palette, shapes, fonts    dot       picture → DOT text
render    DOT text → SVG, PNG, PDF, within a time limit; layout.py is the process that does it
scopes    frames for the user's scopes, open or closed
branches  frames for the sides of gc.cond
changes   a graph before and after a pass
values    arrays as words and thumbnails
drawing   what users hold
explorer  the page that walks through it all; explore_story.py tells what, explore.html, .css and .js show it
"""

from .drawing import Drawing, draw
from .explorer import Explorer, explore
from .render import LayoutTimeoutError, RenderError

__all__ = ["Drawing", "Explorer", "LayoutTimeoutError", "RenderError", "draw", "explore"]
