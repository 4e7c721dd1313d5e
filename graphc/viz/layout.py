"""Graphviz at work, in a process of its own: layout cannot be interrupted, a process can.

    python -P layout.py svg < graph.dot > graph.svg

Runs as a script, so that it need not import graphc. A `dot` executable is used where there is one; otherwise
pygraphviz, whose wheels carry Graphviz themselves.
"""

import shutil
import sys


def lay_out(dot: bytes, format: str) -> bytes:
    """The drawing of a DOT text in one of Graphviz's formats."""
    if shutil.which("dot"):
        import graphviz

        drawn: bytes = graphviz.pipe("dot", format, dot, quiet=True)
        return drawn
    import pygraphviz

    drawn = pygraphviz.AGraph(string=dot.decode()).draw(format=format, prog="dot")
    assert isinstance(drawn, bytes)
    return drawn


if __name__ == "__main__":
    sys.stdout.buffer.write(lay_out(sys.stdin.buffer.read(), sys.argv[1]))
