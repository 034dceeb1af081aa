"""How well colours of a style sheet can be told apart (WCAG 2.2)."""

from __future__ import annotations

import re


def colours(css: str, theme: str) -> dict[str, str]:
    """The sheet's `--name: light-dark(#rrggbb, #rrggbb)` by name; `theme` is "light" or "dark"."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)
    return {name: light if theme == "light" else dark for name, light, dark in found}


def contrast(one: str, two: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of #rrggbb."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
