"""Small pictures drawn on the server: SVG without script or style attribute, each with its text alternative."""

from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

Point = tuple[str, Mapping[str, int]]

# Drawn from the base line up, most ordinary first; the words are the ones the tables use.
OUTCOMES: Final = (
    ("allow", "free", "allowed"),
    ("review", "gated", "sent for review"),
    ("deny", "forbidden", "denied"),
    ("other", "neutral", "other"),
)
BAR, GAP, HEIGHT = 3, 1, 28


def total(counts: Mapping[str, int]) -> int:
    """All the outcomes of one point together."""
    return sum(counts.get(key, 0) for key, _, _ in OUTCOMES)


def share(part: int, whole: int, length: int) -> int:
    """``part`` of ``whole`` on a scale of ``length``; what exists is never drawn as nothing."""
    if part <= 0 or whole <= 0:
        return 0
    return max(1, round(part * length / whole))


def summary(series: Sequence[Point], unit: str = "day") -> str:
    """The picture in one sentence, for those who hear it."""
    sums = {key: sum(counts.get(key, 0) for _, counts in series) for key, _, _ in OUTCOMES}
    span = f"{len(series)} {unit}{'' if len(series) == 1 else 's'}"
    if not any(sums.values()):
        return f"{span}: no decisions."
    parts = ", ".join(f"{sums[key]:,} {word}" for key, _, word in OUTCOMES if sums[key])
    label, counts = max(series, key=lambda point: total(point[1]))
    return f"{span}: {parts}. Most on {label}: {total(counts):,}."


def sparkline(series: Sequence[Point], *, label: str = "") -> SafeString:
    """Stacked bars, one a day: ``series`` is ``[(day, {"allow": n, "review": n, "deny": n}), ...]``, oldest first."""
    peak = max((total(counts) for _, counts in series), default=0)
    width = max(1, len(series) * (BAR + GAP) - GAP)
    rects: list[tuple[str, int, int, int]] = []
    for position, (_, counts) in enumerate(series):
        foot = HEIGHT - 1
        for key, meaning, _ in OUTCOMES:
            tall = share(counts.get(key, 0), peak, HEIGHT - 2)
            if tall:
                foot = max(0, foot - tall)
                rects.append((meaning, position * (BAR + GAP), foot, tall))
    bars = format_html_join("", '<rect class="fill-{}" x="{}" y="{}" width="3" height="{}"></rect>', rects)
    spoken = f"{label}. {summary(series)}" if label else summary(series)
    return format_html(
        '<svg class="spark" viewBox="0 0 {0} {1}" preserveAspectRatio="none" role="img" aria-label="{2}">'
        '<title>{2}</title><path class="stroke-base" d="M0 {3}H{0}"></path>{4}</svg>',
        width,
        HEIGHT,
        spoken,
        f"{HEIGHT - 0.5}",
        bars,
    )


def bar(counts: Mapping[str, int], scale: int) -> SafeString:
    """One lying stacked bar on a scale of ``scale`` counts; its numbers stand beside it in the table."""
    left = 0
    rects: list[tuple[str, int, int]] = []
    for key, meaning, _ in OUTCOMES:
        long = share(counts.get(key, 0), scale, 1000)
        if long:
            rects.append((meaning, left, long))
            left += long
    drawn = format_html_join("", '<rect class="fill-{}" x="{}" y="0" width="{}" height="10"></rect>', rects)
    return format_html(
        '<svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">{}</svg>',
        drawn,
    )


def stacked_bars(
    rows: Sequence[Point], *, caption: str, heading: str = "", words: Mapping[str, str] | None = None
) -> SafeString:
    """A table that is its own picture: a bar and its numbers a row, ``rows`` as in `sparkline`.

    ``words`` call the outcomes something else than decisions of the check.
    """
    scale = max((total(counts) for _, counts in rows), default=0)
    used = [entry for entry in OUTCOMES if any(counts.get(entry[0], 0) for _, counts in rows)] or [OUTCOMES[0]]
    heads = format_html_join(
        "",
        '<th scope="col" class="num"><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true" focusable="false">'
        '<rect class="fill-{}" width="10" height="10"></rect></svg>{}</th>',
        [(meaning, (words or {}).get(key, word).capitalize()) for key, meaning, word in used],
    )
    body = format_html_join(
        "",
        '<tr><th scope="row">{}</th><td class="bar">{}</td>{}</tr>',
        [
            (
                name,
                bar(counts, scale),
                format_html_join("", '<td class="num">{}</td>', [(f"{counts.get(key, 0):,}",) for key, _, _ in used]),
            )
            for name, counts in rows
        ],
    )
    return format_html(
        '<div class="table-scroll" tabindex="0" role="region" aria-label="{0}"><table class="bars">'
        '<caption>{0}</caption><thead><tr><th scope="col">{1}</th><td></td>{2}</tr></thead>'
        "<tbody>{3}</tbody></table></div>",
        caption,
        heading,
        heads,
        body,
    )


COLUMN, SPACE, TALL = 20, 4, 80


def histogram(series: Sequence[tuple[str, int, str]], *, label: str, unit: str) -> SafeString:
    """Standing columns: ``series`` is ``[(name, count, meaning), ...]``; the numbers stand in a table beside it."""
    peak = max((count for _, count, _ in series), default=0)
    width = max(1, len(series) * (COLUMN + SPACE) - SPACE)
    rects = [
        (meaning, place * (COLUMN + SPACE), TALL - tall, COLUMN, tall)
        for place, (_, count, meaning) in enumerate(series)
        if (tall := share(count, peak, TALL - 2))
    ]
    columns = format_html_join("", '<rect class="fill-{}" x="{}" y="{}" width="{}" height="{}"></rect>', rects)
    parts = [f"{name}: {count:,} {unit}{'' if count == 1 else 's'}" for name, count, _ in series if count]
    spoken = f"{label}. {'; '.join(parts) or f'No {unit}s'}."
    return format_html(
        '<svg class="histogram" viewBox="0 0 {0} {1}" role="img" aria-label="{2}"><title>{2}</title>{4}'
        '<path class="stroke-base" d="M0 {3}H{0}"></path></svg>',
        width,
        TALL,
        spoken,
        f"{TALL - 0.5}",
        columns,
    )
