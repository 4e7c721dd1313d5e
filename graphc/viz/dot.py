"""A picture as DOT, the language of Graphviz."""

from __future__ import annotations

import html
from collections.abc import Iterator

from .picture import Arrow, Box, Group, Look, Picture, Thumbnail, frames_around
from .style import (
    ARROW,
    CHANGES,
    FONTS,
    GRADIENT_INK,
    GROUPS,
    HOT,
    INK,
    MARK,
    OUTPUT_CAPTION,
    OUTPUT_LINE,
    REUSE_ARROW,
    SOFT_INK,
    STYLES,
    VALUE_INK,
    blended,
    readable_on,
)

_SIDEWAYS_DEPTH = 6
"""A picture of up to this many steps is read from left to right, a deeper one from top to bottom."""
_LONGEST_TEXT = 60
_LETTERS_A_SPACE_WIDER = 8
"""How many bold letters are as much wider than regular ones as a space is wide."""
_LONGEST_SENTENCE = 160
_SIDE_BY_SIDE = 24
"""How many letters a value and its gradient may have together to stand on one line."""


def to_dot(picture: Picture, *, dpi: int | None = None) -> str:
    """The DOT text of a picture. Equal pictures give equal text.

    Args:
        dpi: dots per inch, for formats made of dots.
    """
    sideways = not picture.groups and _depth(picture) <= _SIDEWAYS_DEPTH
    upward = {g.key for g in picture.groups if g.runs_upwards}
    outermost = {g.key: frames_around(picture, g.key)[-1].key for g in picture.groups}
    phase_of = {b.key: outermost.get(b.group or "") for b in picture.boxes}
    lines = ["digraph graphc {", *_defaults(picture, sideways=sideways)]
    lines += [f'  graph [dpi="{dpi}"];'] if dpi else []
    for group in picture.groups:
        if group.parent is None:
            lines += _group(group, picture)
    lines += [f"  {_box(b)}" for b in picture.boxes if b.group is None]
    for arrow in picture.arrows:
        home = phase_of[arrow.head]
        against = home in upward and home == phase_of[arrow.tail]
        lines.append(f"  {_arrow(arrow, sideways=sideways, against=against)}")
    return "\n".join([*lines, "}", ""])


def _depth(picture: Picture) -> int:
    """The boxes on the longest way through the picture."""
    depth = {b.key: 1 for b in picture.boxes}
    into: dict[str, list[str]] = {}
    for arrow in picture.arrows:
        into.setdefault(arrow.head, []).append(arrow.tail)
    for box in picture.boxes:
        depth[box.key] += max((depth[t] for t in into.get(box.key, ())), default=0)
    return max(depth.values(), default=0)


def _defaults(picture: Picture, *, sideways: bool) -> Iterator[str]:
    direction = "LR" if sideways else "TB"
    # One ranking over all frames lets phases stand level with each other; a kernel keeps to itself.
    together = str(all(g.look != "kernel" for g in picture.groups)).lower()
    yield f'  graph [rankdir={direction}, newrank="{together}", nodesep="0.25", ranksep="0.38",'
    yield '    bgcolor="white", pad="0.2",'
    yield f'    fontname="{FONTS}", fontsize="12", fontcolor="{SOFT_INK}", labelloc="b", labeljust="c",'
    yield f"    label=<{_legend(picture, sideways=sideways)}>];"
    yield f'  node [fontname="{FONTS}", fontsize="13", fontcolor="{INK}",'
    yield '    penwidth="1.2", margin="0.12,0.06", height="0.3"];'
    yield f'  edge [fontname="{FONTS}", fontsize="10", fontcolor="{SOFT_INK}", color="{ARROW}", arrowsize="0.65"];'


# Boxes ---------------------------------------------------------------------------------------------------------


def _box(box: Box) -> str:
    style = STYLES[box.look]
    attrs = {
        "shape": style.shape,
        "style": style.style,
        "fillcolor": style.fill,
        "color": OUTPUT_LINE if box.is_output else style.line,
    }
    if box.change:
        attrs["fillcolor"], attrs["color"], _ = CHANGES[box.change]
    if box.mark:
        attrs |= {"color": MARK, "penwidth": "3"}
    if box.is_output:
        attrs["peripheries"] = "2"
    if box.tooltip:
        attrs["tooltip"] = box.tooltip
    listed = ", ".join(f"{k}={_quoted(v)}" for k, v in attrs.items())
    return f"{box.key} [label=<{_label(box)}>, {listed}];"


def _label(box: Box) -> str:
    """A title line, then smaller ones."""
    head = f"<B>{_text(box.name)}</B>" if box.name else ""
    if box.title:
        sign = "·" if box.look == "scope" else "="
        head += f"{' ' * _gap(box.name)}{sign} {_title(box.title)}" if head else _title(box.title)
    lines = [head]
    if box.type:
        lines.append(_font(box.type, 10, SOFT_INK))
    value = box.value if box.value != box.title else ""
    if box.gradient:
        lines.append(f"{_font(f'data {box.value}', 10, VALUE_INK)}{_between(box)}{_font(_grad(box), 10, GRADIENT_INK)}")
    elif value:
        lines.append(_font(value, 10, VALUE_INK))
    if box.mark:
        lines.append(_font(box.mark, 11, MARK))
    label = "<BR/>".join(lines)
    if not box.thumbnail:
        return label
    rows = f"<TR><TD>{label}</TD></TR><TR><TD>{_table(box.thumbnail)}</TD></TR>"
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'


def _gap(name: str) -> int:
    """Spaces after a name in bold. Layouts without the fonts reckon with regular letters, which are narrower."""
    return 1 + len(name) // _LETTERS_A_SPACE_WIDER


def _grad(box: Box) -> str:
    return f"grad {box.gradient}"


def _between(box: Box) -> str:
    """Short values stand side by side, long ones beneath each other."""
    return _font(" | ", 10, SOFT_INK) if len(box.value) + len(box.gradient) <= _SIDE_BY_SIDE else "<BR/>"


def _table(thumbnail: Thumbnail) -> str:
    """A thumbnail as a table of coloured cells."""
    rows = []
    for row in thumbnail:
        cells = []
        for cell in row:
            size = "" if cell.text else ' WIDTH="7" HEIGHT="7"'
            text = _font(cell.text, 8, readable_on(cell.fill)) if cell.text else ""
            cells.append(f'<TD BGCOLOR="{cell.fill}"{size}>{text}</TD>')
        rows.append(f"<TR>{''.join(cells)}</TR>")
    padding = 2 if thumbnail[0][0].text else 0
    frame = f'BORDER="1" COLOR="{ARROW}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}"'
    return f"<TABLE {frame}>{''.join(rows)}</TABLE>"


def _title(title: str) -> str:
    """The words of an operation; a sign that stands alone is drawn larger."""
    return _font(title, 16, INK) if len(title) == 1 else _text(title)


def _font(text: str, size: int, color: str, longest: int = _LONGEST_TEXT) -> str:
    return f'<FONT POINT-SIZE="{size}" COLOR="{color}">{_text(text, longest)}</FONT>'


def _text(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Text for an HTML-like label: on one line, of bearable length, with nothing Graphviz would read as markup."""
    flat = "".join(c if c.isprintable() else " " for c in text)
    if len(flat) > longest:
        flat = flat[: longest - 1] + "…"
    return html.escape(flat)


def _quoted(text: str) -> str:
    """Text as a quoted DOT string. A backslash would start one of Graphviz's escapes."""
    flat = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return '"' + flat.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


# Groups and arrows ---------------------------------------------------------------------------------------------


def _group(group: Group, picture: Picture) -> Iterator[str]:
    fill, line = GROUPS[group.look]
    if group.share is not None:
        fill = blended(HOT, group.share)
    # Arrows come into a kernel from above, often several; below there is room for its caption.
    place = "b" if group.look == "kernel" else "t"
    yield f"  subgraph {_quoted(f'cluster_{group.key}')} {{"
    yield f'    graph [label=<{_font(group.caption, 12, SOFT_INK)}>, labelloc="{place}", labeljust="l",'
    yield f'      style="rounded,filled", fillcolor="{fill}", color="{line}", margin="12"];'
    for inner in picture.groups:
        if inner.parent == group.key:
            yield from _group(inner, picture)
    for box in picture.boxes:
        if box.group == group.key:
            yield f"    {_box(box)}"
    yield "  }"


_PORTS = {
    # (sideways, against the layout): the compass point at which the left, middle and right operand enter
    (False, False): {"left": "nw", "middle": "n", "right": "ne"},
    (False, True): {"left": "sw", "middle": "s", "right": "se"},
    (True, False): {"left": "nw", "middle": "w", "right": "sw"},
    (True, True): {"left": "ne", "middle": "e", "right": "se"},
}


def _arrow(arrow: Arrow, *, sideways: bool, against: bool) -> str:
    """An arrow. Where a group runs upwards it is declared the other way round, which is what turns the layout."""
    attrs: dict[str, str] = {}
    head = arrow.head
    if arrow.side is not None:
        head += f":{_PORTS[sideways, against][arrow.side]}"
    if arrow.role == "tie":
        attrs |= {"style": "invis", "minlen": "0"}
    if arrow.role == "reuse":
        attrs |= {"style": "dotted", "color": REUSE_ARROW, "minlen": "0", "arrowsize": "0.5"}
    if against:
        attrs["dir"] = "back"
    if arrow.label:
        attrs["label"] = f" {arrow.label} "
    first, second = (head, arrow.tail) if against else (arrow.tail, head)
    listed = ", ".join(f"{k}={_quoted(v)}" for k, v in attrs.items())
    return f"{first} -> {second}" + (f" [{listed}];" if listed else ";")


# The legend ----------------------------------------------------------------------------------------------------


def _legend(picture: Picture, *, sideways: bool) -> str:
    """A row of swatches for the looks that occur, and sentences beneath."""
    looks = [look for look in STYLES if any(b.look == look for b in picture.boxes)]
    cells = [_swatch(look) for look in looks]
    if any(b.is_output for b in picture.boxes):
        cells.append(f'<TD BORDER="2" COLOR="{OUTPUT_LINE}" STYLE="ROUNDED">{_font(OUTPUT_CAPTION, 10, INK)}</TD>')
    for change in (c for c in CHANGES if any(b.change == c for b in picture.boxes)):
        fill, line, caption = CHANGES[change]
        cells.append(f'<TD BGCOLOR="{fill}" COLOR="{line}" STYLE="ROUNDED">{_font(caption, 10, INK)}</TD>')
    sentences = ["float32 where no dtype is written"]
    if any(a.role == "reuse" for a in picture.arrows):
        sentences.append("dotted: a value used by another phase")
    if any(a.side for a in picture.arrows):
        sentences.append(f"first operands enter {'at the top' if sideways else 'on the left'}")
    if any(g.share is not None for g in picture.groups):
        sentences.append("the warmer a kernel's frame, the more of the time it takes")
    if any(b.thumbnail for b in picture.boxes):
        sentences.append("fields: blue above zero, orange below, pink where nan")
    sentences += picture.notes
    beneath = "<BR/>".join(_font(s, 10, SOFT_INK, _LONGEST_SENTENCE) for s in sentences)
    row = f"<TR>{''.join(cells)}</TR>" if cells else ""
    swatches = f'<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="4" CELLPADDING="4">{row}</TABLE>'
    rows = f'<TR><TD HEIGHT="10"></TD></TR><TR><TD>{swatches}</TD></TR><TR><TD>{beneath}</TD></TR>'
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'


def _swatch(look: Look) -> str:
    style = STYLES[look]
    return f'<TD BGCOLOR="{style.fill}" COLOR="{style.line}" STYLE="ROUNDED">{_font(style.caption, 10, INK)}</TD>'
