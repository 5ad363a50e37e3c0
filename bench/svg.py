"""SVG: the colours and the text that all pictures share."""

from html import escape

INK, PALE, RULE = "#1f2933", "#52606d", "#d9dee3"


def text(x: float, y: float, said: str, *, anchor: str = "start", size: int = 12, colour: str = INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">'
        f"{escape(said)}</text>"
    )
