"""A picture of how a log grows: three small charts over the number of leaves, as an SVG without a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10

__all__ = ["draw"]

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 220, 60, 78, 50
INK, PALE, FRAME = "#1f2937", "#6b7280", "#d1d5db"
DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

Line = tuple[str, str, str]
"""Name of a figure, what it is called in the picture, and its colour."""

CHARTS: Sequence[tuple[str, Sequence[Line]]] = [
    (
        "Appends a second",
        [
            ("raw", "Ed25519 checks alone", "#9ca3af"),
            ("unchecked", "signatures checked before", "#0d9488"),
            ("ahead", "checked ahead", "#2563eb"),
            ("checked", "checked in turn", "#7c3aed"),
        ],
    ),
    (
        "“Still holds” proof, µs",
        [("verified", "verified, three witnesses", "#7c3aed"), ("made", "made", "#2563eb")],
    ),
    (
        "The proof in bytes, memory in MB",
        [("size", "bytes, three witnesses", "#2563eb"), ("memory", "MB of memory", "#d97706")],
    ),
]


def draw(points: Sequence[Mapping[str, float]]) -> str:
    """Return the picture of `points`, each a mapping from names to figures."""
    width, height = len(CHARTS) * (WIDTH + LEFT) + GAP, TOP + HEIGHT + 58
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="12">',
        "<title>Appends, proofs and memory by the number of leaves in the log</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, (title, lines) in enumerate(CHARTS):
        parts += _chart(LEFT + number * (WIDTH + LEFT), title, lines, points)
    return "\n".join([*parts, "</svg>", ""])


def _chart(
    left: float, title: str, lines: Sequence[Line], points: Sequence[Mapping[str, float]]
) -> list[str]:
    top = _round_up(max(point[name] for point in points for name, _, _ in lines))
    first, last = (log10(points[place]["leaves"]) for place in (0, -1))

    def x(leaves: float) -> float:
        return left + 12 + (WIDTH - 24) * (log10(leaves) - first) / max(last - first, 1)

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - value / top)

    parts = [f'<text x="{left}" y="24" fill="{INK}" font-size="14" font-weight="600">{title}</text>']
    for step in range(5):
        value, at = top * step / 4, f"{y(top * step / 4):.1f}"
        parts += [
            f'<line x1="{left}" x2="{left + WIDTH}" y1="{at}" y2="{at}" stroke="{FRAME}"/>',
            f'<text x="{left - 8}" y="{at}" dy="4" text-anchor="end" fill="{PALE}">{value:,.0f}</text>',
        ]
    for point in points:
        power = str(round(log10(point["leaves"]))).translate(DIGITS)
        parts.append(
            f'<text x="{x(point["leaves"]):.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle" fill="{PALE}">'
            f"10{power}</text>"
        )
    middle, below = left + WIDTH / 2, TOP + HEIGHT + 42
    parts.append(f'<text x="{middle}" y="{below}" text-anchor="middle" fill="{PALE}">leaves</text>')
    for place, (name, label, colour) in enumerate(lines):
        way = " ".join(f"{x(point['leaves']):.1f},{y(point[name]):.1f}" for point in points)
        parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [
            f'<circle cx="{x(point["leaves"]):.1f}" cy="{y(point[name]):.1f}" r="3.5" fill="{colour}">'
            f"<title>{point[name]:,.0f}</title></circle>"
            for point in points
        ]
        column, row = divmod(place, 2)
        across, down = left + column * 172, 44 + 16 * row
        parts += [
            f'<circle cx="{across + 5}" cy="{down - 4}" r="4" fill="{colour}"/>',
            f'<text x="{across + 14}" y="{down}" fill="{INK}" font-size="11">{label}</text>',
        ]
    return parts


def _round_up(value: float) -> float:
    """Return the next number that four even steps read well on."""
    size = 10.0 ** int(log10(value))
    return next(size * factor for factor in (1, 2, 4, 6, 8, 10, 20) if size * factor >= value)
