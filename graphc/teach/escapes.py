"""Names and words in LaTeX: whatever a user calls things comes out as plain ASCII that compiles and means the same."""

from __future__ import annotations

import unicodedata

_GREEK_LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
_NAMES_OF_LETTERS = {letter: name for name, letter in (_GREEK_LETTERS | _ACCENTS).items()}
_LETTERS = {letter: f"\\{name}" for name, letter in _GREEK_LETTERS.items()} | {
    "ℓ": r"\ell", "𝟏": r"\mathbf{1}", "□": r"\square",
    "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda", "Σ": r"\Sigma",
    "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega", "Ξ": r"\Xi", "Π": r"\Pi", "Υ": r"\Upsilon",
}  # fmt: skip
_SIGNS = {
    "≠": r"\neq", "≤": r"\leq", "≥": r"\geq", "∧": r"\wedge", "∨": r"\vee", "⊕": r"\oplus", "≪": r"\ll", "≫": r"\gg",
    "&": r"\mathbin{\&}", "|": r"\mid", "⊙": r"\odot", "·": r"\cdot", "×": r"\times", "−": "-", "→": r"\to",
    "↦": r"\mapsto", "∂": r"\partial", "√": r"\surd", "∞": r"\infty", "∑": r"\sum", "≈": r"\approx", "±": r"\pm",
    "∈": r"\in", "½": r"\frac{1}{2}", "′": "{}'", "ᵀ": r"{}^{\top}", "✓": r"\checkmark", "✗": r"\times",
}  # fmt: skip
_ESCAPED = {c: f"\\{c}" for c in "{}%#&$_"}
_MATH_ESCAPES = {
    "\\": r"\backslash ", "^": r"{\wedge}", "~": r"{\sim}", " ": r"\ ", "-": r"\text{-}", "'": r"{\prime}",
    "|": r"{\vert}", "<": "{<}", ">": "{>}", **_ESCAPED,  # in Markdown <b is the beginning of an element, <}b is not
}  # fmt: skip
_TEXT_ESCAPES = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "…": r"\ldots{}",
    "|": r"\textbar{}", "<": r"\textless{}", ">": r"\textgreater{}", '"': r"\textquotedbl{}", "“": "``", "”": "''",
    "‘": "`", "’": "'", "–": "--", "—": "---", **_ESCAPED,
}  # fmt: skip
_FUNCTIONS = frozenset(
    ("exp", "ln", "max", "min", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh")
)


def greek(name: str) -> str:
    """The Greek letter of that name; the name itself when there is none."""
    return _GREEK_LETTERS.get(name, name)


def accented(letter: str, accent: str) -> str:
    """A letter under a hat, bar or tilde."""
    return greek(letter) + _ACCENTS[accent]


def keyboard(name: str) -> str:
    """A name in the letters of a keyboard: δ is delta, x̂ is xhat."""
    return "".join(_NAMES_OF_LETTERS.get(c, c) for c in name)


def latex_text(words: str) -> str:
    """Words for LaTeX outside of formulas."""
    return "".join(map(_text_character, words))


def latex_name(name: str) -> str:
    """A name in a formula: one letter as it is, longer ones upright."""
    if len(name) == 2 and name[1] in _ACCENTS.values():
        return rf"\{_NAMES_OF_LETTERS[name[1]]}{{{_math_character(name[0])}}}"
    if len(name) == 1 and name not in _MATH_ESCAPES:
        return _math_character(name)
    return rf"\mathrm{{{''.join(map(_math_character, name))}}}"


def latex_function(name: str) -> str:
    """The name of a function in a formula."""
    if name in _FUNCTIONS:
        return f"\\{name}"
    letter = name.rstrip("′")
    if letter in _LETTERS:
        return _LETTERS[letter] + "'" * (len(name) - len(letter))
    return rf"\operatorname{{{''.join(map(_math_character, name))}}}"


def latex_sign(sign: str) -> str:
    """A relation or connective in a formula."""
    return _SIGNS.get(sign, sign)


def _math_character(c: str) -> str:
    if c in _MATH_ESCAPES:
        return _MATH_ESCAPES[c]
    if c in _LETTERS or c in _SIGNS:
        return f"{_LETTERS.get(c) or _SIGNS[c]} "[: None if c in _SIGNS else -1]
    return c if c.isascii() else rf"\text{{{_text_character(c)}}}"


def _text_character(c: str) -> str:
    if c in _TEXT_ESCAPES:
        return _TEXT_ESCAPES[c]
    if c in _LETTERS or c in _SIGNS:
        return f"${_LETTERS.get(c) or _SIGNS[c]}$"
    return c if c.isascii() else _spelled(c)


def _spelled(c: str) -> str:
    """A character that fonts of LaTeX may not have: its parts, or its number."""
    parts = unicodedata.normalize("NFKD", c)
    kind = unicodedata.decomposition(c).partition(" ")[0]
    plain = "".join(_TEXT_ESCAPES.get(p, p) for p in parts if p.isascii())
    if kind == "<super>" and plain:
        return f"$^{{{plain}}}$"
    if kind == "<sub>" and plain:
        return f"$_{{{plain}}}$"
    accents = "".join(_COMBINING.get(p, "") for p in parts if not p.isascii())
    if plain and (accents or not any(unicodedata.combining(p) for p in parts)):
        return f"{accents}{{{plain}}}" if accents else plain
    return plain or rf"U+{ord(c):04X}"


_COMBINING = {
    "\u0300": r"\`", "\u0301": r"\'", "\u0302": r"\^", "\u0303": r"\~", "\u0304": r"\=", "\u0306": r"\u ",
    "\u0307": r"\.", "\u0308": r'\"', "\u030a": r"\r ", "\u030b": r"\H ", "\u030c": r"\v ", "\u0327": r"\c ",
    "\u0328": r"\k ",
}  # fmt: skip
