"""The templates of the page and of the notebook's view: Jinja2, in which every value is escaped.

The only importer of Jinja2, which the operator's image does not have: import this module only to make HTML.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import jinja2

from modelprofiler.report.charts.shapes import Path

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and surrogates, which HTML does not allow. A server's last message may have them."""


def render(template: str, **values: Any) -> str:
    """Return a template of ``templates/`` with values in it. Text from anywhere is text in it, never markup."""
    return _environment().get_template(template).render(**values)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("modelprofiler.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_without_forbidden,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"px": format_pixels, "path": path_data}
    return environment


def _without_forbidden(value: Any) -> Any:
    """Return a value as it may stand in HTML; markup that a macro has made is left alone."""
    return value if hasattr(value, "__html__") else _FORBIDDEN.sub("", str(value))


def format_pixels(value: float) -> str:
    """Return a coordinate: a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")


def path_data(path: Path) -> str:
    """Return the attribute ``d`` of an SVG path: M moves, L draws a line, V and H along an axis, Z closes."""
    data = "M" + "L".join(f"{format_pixels(x)} {format_pixels(y)}" for x, y in path.points)
    if path.close_to is not None:
        data += f"V{format_pixels(path.close_to)}H{format_pixels(path.points[0][0])}Z"
    return data
