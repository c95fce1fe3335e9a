"""HTML and SVG as trees: the standard library serialises them, so that text is escaped wherever it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias
from xml.etree import ElementTree as ET

Element: TypeAlias = ET.Element
Child: TypeAlias = "Element | str | Iterable[Child] | None"

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Control characters, which HTML does not allow; a server's last words may have them."""


def el(tag: str, *children: Child, **attributes: str | float | None) -> Element:
    """Return an element.

    Parameters
    ----------
    tag
        Its name.
    children
        Elements, text and lists of them, in order; None adds nothing.
    attributes
        Underscores are hyphens, and one at the end is dropped: ``class_``, ``stroke_width``. Numbers are written with
        at most one decimal; None is left out.
    """
    element = ET.Element(tag)
    for name, value in attributes.items():
        if value is not None:
            element.set(name.rstrip("_").replace("_", "-"), value if isinstance(value, str) else number(value))
    _append(element, children)
    return element


def _append(element: Element, children: Iterable[Child]) -> None:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Element):
            element.append(child)
        elif isinstance(child, str):
            text = _UNPRINTABLE.sub("", child)
            if len(element):
                element[-1].tail = (element[-1].tail or "") + text
            else:
                element.text = (element.text or "") + text
        else:
            _append(element, child)


def number(value: float) -> str:
    """Return a coordinate: a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")


def to_html(element: Element) -> str:
    """Return the element as HTML; SVG inside it is as HTML wants it."""
    return ET.tostring(element, encoding="unicode", method="html")
