"""What everything is called: the user's names, readable ones for the rest, and δ for cotangents.

Z₁ = x W₁ + b₁        a product with a matrix      ∂L/∂Z₁ is written δ₁
A₁ = relu(Z₁)         an activation
ℓ                     the loss of each example     L   the loss
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from ..ir.expr import Expr
from ..ir.graph import ExprTable
from .composites import COMPOSITES
from .escapes import accented, greek
from .formula import Formula, Partial, Symbol, apply
from .outline import Outline, is_marking
from .rows import Notation
from .written import notation_of

_LETTERS = {
    **dict.fromkeys(("relu", "tanh", "sigmoid", "softplus", "erf"), "a"),
    "matmul": "z", "exp": "e", "expm1": "e", "sum": "s", "mean": "m", "max": "m",
    "softmax": "p", "log_softmax": "q", "logsumexp": "s", "log_likelihood": "ℓ", "constant": "c",
    "reshape": "v", "permute_dims": "v", "broadcast_to": "v", "slice": "v", "take_along_axis": "t", "take": "t",
}  # fmt: skip
_MOVES = {"broadcast_to": "broadcast", "permute_dims": "permute"}
_NUMBERED = re.compile(r"([^\W\d_]+)_?(\d+)")
_ACCENTED = re.compile(r"(?:([^\W\d_]|[a-z]+)_|([w-z]|gamma|beta|mu|sigma|theta))(hat|bar|tilde)")
_SUBSCRIPTED = re.compile(r"([^\W\d_]+)_(\w+)")


@dataclass(frozen=True, slots=True)
class Definition:
    """A line of the legend."""

    node: Expr
    symbol: Formula
    formula: Formula | None
    """What it is computed as; None for inputs, params and constants."""
    words: str
    """Its role."""


def symbol_of(name: str, *, scalar: bool = False) -> Symbol:
    """A user's name as a symbol: W1 and W_1 are W₁, theta is θ, b_out is b with subscript out, xhat is x̂."""
    # Control characters are in no alphabet, and not allowed in documents.
    clean = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(name.split()))
    if (match := _ACCENTED.fullmatch(clean)) and len(greek(match[1] or match[2])) == 1:
        return Symbol(accented(match[1] or match[2], match[3]), "", scalar)
    if match := _NUMBERED.fullmatch(clean):
        return Symbol(greek(match[1]), match[2], scalar)
    if (match := _SUBSCRIPTED.fullmatch(clean)) and len(greek(match[1])) == 1:
        return Symbol(greek(match[1]), match[2], scalar)
    return Symbol(greek(clean), "", scalar)


class Names:
    """The symbols of an outline, and its values and cotangents written in them."""

    def __init__(self, outline: Outline, loss: Expr) -> None:
        self._outline = outline
        self._symbols: ExprTable[Symbol] = ExprTable()
        self._letters: ExprTable[str] = ExprTable()
        self._values: ExprTable[Formula] = ExprTable()
        self._notations: ExprTable[Notation] = ExprTable()
        self._taken: set[tuple[str, str]] = set()
        self._similar: set[tuple[str, str]] = set()
        self._copies: Counter[Symbol] = Counter()
        self._made_up: dict[Symbol, Expr] = {}
        self._loss = loss
        self._name_all()

    def symbol(self, node: Expr) -> Symbol:
        """The symbol of a node that is mentioned."""
        return self._symbols[node]

    def is_mentioned(self, node: Expr) -> bool:
        """Whether a node has a symbol."""
        return node in self._symbols

    def unnamed(self, symbol: Symbol) -> Expr | None:
        """The node of a symbol that was made up because the user has not named it."""
        return self._made_up.get(symbol)

    def notation(self, node: Expr) -> Notation:
        """The row of mathematics for a piece."""
        found = self._notations.get(node)
        if found is None:
            composite = self._outline.composites.get(node)
            found = notation_of(node) if composite is None else COMPOSITES[composite.name].notation(composite)
            self._notations[node] = found
        return found

    def value(self, node: Expr) -> Formula:
        """The symbol of a node, or its formula where it has none."""
        if node in self._symbols:
            return self._symbols[node]
        found = self._values.get(node)
        if found is None:
            found = self._values[node] = self.formula(node)
        return found

    def formula(self, node: Expr) -> Formula:
        """How a piece is computed, written out."""
        args = tuple(map(self.value, self._outline.args(node)))
        formula = self.notation(node).value(node, *args)
        if node in self._symbols and formula in args:
            # What goes without saying inside a formula is said where it has a line of its own.
            return apply(_MOVES.get(node.op.name, node.op.name), *args)
        return formula

    def cotangent(self, node: Expr) -> Formula:
        """δ for a product with a matrix, else ∂L/∂ the node's symbol."""
        symbol = self._symbols[node]
        if self._letter(node) == "z":
            plain = symbol.base.lower() == "z"
            sub = symbol.sub if plain else symbol.base + symbol.sub
            if ("δ", sub) not in self._taken:
                return Symbol("δ", sub, symbol.scalar)
        return self.partial(node)

    def partial(self, node: Expr) -> Partial:
        """∂L/∂ the node's symbol."""
        return Partial(self._symbols[self._loss], self._symbols[node])

    def legend(self) -> list[Definition]:
        """What every symbol stands for, in the order of computation."""
        return [self._definition(node) for node in self._outline.order if node in self._symbols]

    def _definition(self, node: Expr) -> Definition:
        if node.op.kind == "leaf":
            words = {"input": "input", "param": "parameter"}.get(node.op.name, "constant")
            return Definition(node, self._symbols[node], None, words)
        return Definition(node, self._symbols[node], self.formula(node), "loss" if node is self._loss else "")

    # Naming ----------------------------------------------------------------------------------------------------

    def _name_all(self) -> None:
        unnamed = []
        for node in self._outline.order:
            if node in self._outline.hidden or _is_written_out(node):
                continue
            name = self._outline.called.get(node)
            if name is None:
                unnamed.append(node)
            else:
                self._symbols[node] = self._claim(symbol_of(name, scalar=node.ndim == 0))
        if self._loss not in self._symbols:
            free = next((s for s in "LJ" if (s, "") not in self._taken), "L")
            self._symbols[self._loss] = self._claim(Symbol(free, scalar=True))
        auto = [node for node in unnamed if node is not self._loss]
        counts = Counter(map(self._letter, auto))
        numbers: Counter[str] = Counter()
        for node in auto:
            letter = self._letter(node)
            base = letter.upper() if node.ndim >= 2 and letter != "ℓ" else letter
            symbol = self._fresh(base, numbers, alone=_is_alone(letter, counts), scalar=node.ndim == 0)
            self._symbols[node], self._made_up[symbol] = symbol, node

    def _fresh(self, base: str, numbers: Counter[str], *, alone: bool, scalar: bool) -> Symbol:
        """A symbol of that letter, numbered unless it is the only one; z₁ is no good beside a user's Z₁."""
        letter = base.lower()
        if alone and (letter, "") not in self._similar:
            return self._claim(Symbol(base, "", scalar))
        while True:
            numbers[letter] += 1
            if (letter, str(numbers[letter])) not in self._similar:
                return self._claim(Symbol(base, str(numbers[letter]), scalar))

    def _claim(self, wanted: Symbol) -> Symbol:
        """The symbol, told apart from others of the same name by a number in parentheses."""
        symbol = wanted
        while (symbol.base, symbol.sub) in self._taken:
            self._copies[wanted] += 1
            symbol = Symbol(wanted.base, f"{wanted.sub}({self._copies[wanted] + 1})", wanted.scalar)
        self._taken.add((symbol.base, symbol.sub))
        self._similar.add((symbol.base.lower(), symbol.sub))
        return symbol

    def _letter(self, node: Expr) -> str:
        found = self._letters.get(node)
        if found is None:
            found = self._letters[node] = self._find_letter(node)
        return found

    def _find_letter(self, node: Expr) -> str:
        hidden = [a for a in self._outline.args(node) if a in self._outline.hidden]
        composite = self._outline.composites.get(node)
        if composite is None and hidden:
            if node.op.name in ("add", "subtract"):
                return "z" if any(self._letter(a) == "z" for a in hidden) else "u"
            if is_marking(node, self._outline) or node.op.name == "reshape":
                inner = next((a for a in hidden if a not in self._outline.constants), None)
                return "u" if inner is None else self._letter(inner)
        return _LETTERS.get(node.op.name if composite is None else composite.name, "u")


def _is_written_out(node: Expr) -> bool:
    """Leaves that are their own notation: numbers, sizes, positions."""
    if node.op.name == "constant":
        return node.ndim == 0
    return node.op.name in ("size", "iota")


def _is_alone(letter: str, counts: Counter[str]) -> bool:
    """Whether a letter needs no number. A₁ goes with Z₁, so that layers share theirs."""
    return counts[letter] == 1 and not (letter == "a" and counts["z"] > 1)
