"""Derivations: the gradient of a loss as mathematics, step by step, checked by numbers.

    d = gc.derive(loss, W1)
    print(d)                       # or d.markdown(), d.latex(), d.html(), d.save("derivation.html")
    assert d.check({x: xb, y: yb})

`outline` decides which nodes are mentioned, `names` what they are called, `notation` and `composites` how each is
written and explained, `derivation` applies the chain rule, `printers` and `render` show it, `check` holds it against
finite differences.
"""

from .derivation import Derivation, Step, derive

__all__ = ["Derivation", "Step", "derive"]
