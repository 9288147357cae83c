"""What tests look at in a page: colours, and whether words stand out from what is behind them."""

from __future__ import annotations

import re

READABLE = 4.5  # contrast of text, as WCAG asks for at level AA

# Of every element with words of its own: they, their colour, and the colour behind them.
COLOURS = """() => {
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const { backgroundColor } = getComputedStyle(each);
      if (!/, 0\\)$/.test(backgroundColor)) return backgroundColor;
    }
    return "rgb(255, 255, 255)";
  };
  const has = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.body.querySelectorAll("*")]
    .filter((element) => !element.closest("script, title, option, .unseen, :disabled, .skip") && has(element))
    .map((element) => {
      const { color, fill } = getComputedStyle(element);
      const words = element.textContent.trim().slice(0, 40);
      return [words, element.closest("svg") ? fill : color, behind(element)];
    });
}"""


def luminance(colour: str) -> float:
    """As WCAG reckons it, of `rgb(…)`."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
