"""Derivations: the gradient of a loss as mathematics, step by step, checked by numbers.

    d = gc.derive(loss, W1)
    print(d)                       # or d.markdown(), d.latex(), d.html(), d.save("derivation.html")
    assert d.check({x: xb, y: yb})
    d.exercise().answer(4, "delta2 @ W2.T")

`outline` decides which nodes are mentioned, `names` (and `assigned`) what they are called, `notation`, `composites`
and `written` how each is written and explained, `derivation` applies the chain rule, `conclusion` puts the steps
together and simplifies them by the rules of `algebra`. `printers`, `indices` and `render` show it; `check` holds it
against finite differences and reads the formulas; `exercise` blanks steps and `answers` reads what students write.
"""

from .derivation import Derivation, Step, derive

__all__ = ["Derivation", "Step", "derive"]
