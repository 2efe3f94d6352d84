"""The template tags of every page: icons, states, times, pictures, links that keep the query, framed blocks."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from django import template
from django.forms import Form
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from portal.web import charts, clock, difflines, hidden, icons, narrowing, states

register = template.Library()

SOON_SECONDS = 600
CALLOUT_ICONS = {"info": "info", "good": "circle-check", "warn": "triangle-alert", "danger": "octagon-x"}


@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """``{% icon "bot" %}``; give ``label`` only where the icon stands alone."""
    return icons.icon(name, label=label, extra_class=css)


@register.simple_tag
def state(kind: str, value: object, label: str = "") -> SafeString:
    """``{% state "tier" action.tier %}``: word, shape and colour; kinds are those of portal.web.states."""
    look = states.look(kind, value)
    return format_html(
        '<span class="state state--{}">{}{}</span>', look.meaning, icons.icon(look.icon), label or look.word
    )


@register.simple_tag
def time(
    moment: datetime | None, shape: str = "minute", passed: float | None = None, zone: tzinfo | None = None
) -> SafeString:
    """``{% time run.started_at %}`` in the reader's zone with UTC on hover.

    Shapes: minute, second, date, clock; ``ago``; and ``utc`` for evidence, which is never localised. ``passed``: the
    seconds since, where they are known already. ``zone``: by its clocks, whatever the browser's are; to the minute.
    """
    if moment is None:
        return mark_safe('<span class="muted">never</span>')
    stamp, hover = clock.machine(moment), clock.written(moment, "utc")
    if shape == "utc":
        return format_html('<time datetime="{}">{}</time>', stamp, hover)
    if zone is not None:
        return format_html('<time datetime="{}" title="{}">{}</time>', stamp, hover, clock.written_in(moment, zone))
    if shape == "ago":
        since = (timezone.now() - moment).total_seconds() if passed is None else passed
        return format_html('<time datetime="{}" title="{}" data-ago>{} ago</time>', stamp, hover, clock.span(since))
    return format_html(
        '<time datetime="{}" title="{}" data-local="{}">{}</time>',
        stamp,
        hover,
        shape,
        clock.written(moment, shape),
    )


@register.simple_tag
def deadline(moment: datetime, left: float | None = None) -> SafeString:
    """``{% deadline request.expires_at %}``: the time left, counting down where scripts run; ``left``: if known."""
    left = (moment - timezone.now()).total_seconds() if left is None else left
    mood = "deadline--past" if left <= 0 else "deadline--soon" if left <= SOON_SECONDS else ""
    return format_html(
        '<span class="deadline {}">{}<time datetime="{}" title="{}" data-left>{}</time></span>',
        mood,
        icons.icon("clock"),
        clock.machine(moment),
        clock.written(moment, "utc"),
        f"{clock.span(left)} left" if left > 0 else "expired",
    )


@register.filter
def span(seconds: float | None) -> str:
    """``{{ run.seconds|span }}``: 3720 becomes "1 h 2 min"."""
    return "" if seconds is None else clock.span(seconds)


@register.simple_tag
def plural(count: int, one: str, many: str = "") -> str:
    """``{% plural n "agent" %}`` gives "1 agent", "1,204 agents", "no agents"."""
    return f"{count:,} {one}" if count == 1 else f"{f'{count:,}' if count else 'no'} {many or one + 's'}"


@register.filter
def number(value: int | None) -> str:
    """``{{ n|number }}``: thousands set apart."""
    return "" if value is None else f"{value:,}"


@register.simple_tag
def sparkline(series: Sequence[charts.Point], label: str = "") -> SafeString:
    """``{% sparkline agent.days label=agent.name %}``; the shape of ``series`` is in portal.web.charts."""
    return charts.sparkline(series, label=label)


@register.simple_tag
def stacked_bars(rows: Sequence[charts.Point], caption: str, heading: str = "") -> SafeString:
    """``{% stacked_bars rows caption="Decisions by agent" heading="Agent" %}``: picture and table in one."""
    return charts.stacked_bars(rows, caption=caption, heading=heading)


@register.filter
def marked(text: str) -> SafeString:
    """``{{ command|marked }}``: escaped, with hidden characters made visible."""
    return hidden.marked(str(text))


@register.filter
def hidden_count(text: str) -> int:
    """How many hidden characters the text has, to warn above it."""
    return hidden.count_hidden(str(text))


@register.filter
def in_force(form: Form) -> list[str]:
    """``{% for words in form|in_force %}``: what narrows a list, in words."""
    return narrowing.in_force(form)


@register.inclusion_tag("components/_diff.html")
def diff(text: str, label: str = "Changes") -> dict[str, Any]:
    """``{% diff unified_text label="src/app.py" %}``."""
    lines = list(difflines.parse(text))
    added, removed = difflines.tally(lines)
    return {"lines": lines, "added": added, "removed": removed, "label": label}


@register.inclusion_tag("components/_nav_item.html", takes_context=True)
def nav_item(context: Context, route: str, label: str, picture: str, go: str = "", *, also: str = "") -> dict[str, Any]:
    """One entry of the primary navigation, or nothing while the route does not exist.

    ``also`` names other routes, with spaces between, whose pages belong under it.
    """
    try:
        address, *others = (reverse(one) for one in (route, *also.split()))
    except NoReverseMatch:
        return {}
    request = context.get("request")
    path = request.path if request is not None else ""
    here = path == address if address == "/" else path.startswith((address, *others))
    return {
        "address": address,
        "label": label,
        "picture": picture,
        "here": here,
        "exact": path == address,
        "go": go,
    }


@register.simple_tag(takes_context=True)
def sort_header(context: Context, field: str, label: str, css: str = "") -> SafeString:
    """``{% sort_header "name" "Name" %}``: a table head that sorts by ``?sort=name`` and ``?sort=-name``."""
    request = context["request"]
    now = request.GET.get("sort", context.get("sort") or "")
    query = request.GET.copy()
    query.pop("cursor", None)
    descending, ascending = now == f"-{field}", now == field
    query["sort"] = f"-{field}" if ascending else field
    order = (
        format_html(' aria-sort="{}"', "ascending" if ascending else "descending") if now.lstrip("-") == field else ""
    )
    arrow = icons.icon("arrow-down" if descending else "arrow-up") if order else ""
    return format_html(
        '<th scope="col"{}{}><a href="?{}">{}{}</a></th>',
        format_html(' class="{}"', css) if css else "",
        order,
        query.urlencode(),
        label,
        arrow,
    )


@register.simple_block_tag
def callout(content: str, tone: str = "info", title: str = "") -> SafeString:
    """``{% callout "warn" title="…" %}…{% endcallout %}``; tones info, good, warn, danger."""
    head = format_html('<p class="callout-title">{}</p>', title) if title else ""
    return format_html(
        '<div class="callout callout--{}">{}<div class="callout-body">{}{}</div></div>',
        tone,
        icons.icon(CALLOUT_ICONS[tone]),
        head,
        content,
    )


@register.simple_block_tag
def charter(content: str, css: str = "", label: str = "Charter") -> SafeString:
    """``{% charter %}{{ sentence }}{% endcharter %}``; ``css="charter--row"`` for lists."""
    head = format_html('<span class="charter-label">{}</span>', label) if label else ""
    return format_html('<div class="charter {}">{}<p>{}</p></div>', css, head, content)


@register.simple_block_tag
def dialog(content: str, name: str, title: str) -> SafeString:
    """``{% dialog "stop" title="Stop this agent?" %}…{% enddialog %}``, opened by ``data-dialog-open="stop"``."""
    return format_html(
        '<dialog id="{0}" aria-labelledby="{0}-title"><div class="dialog-head"><h2 id="{0}-title">{1}</h2>'
        '<button type="button" class="dialog-close" data-dialog-close aria-label="Close">{2}</button></div>'
        '<div class="dialog-body">{3}</div></dialog>',
        name,
        title,
        icons.icon("x"),
        content,
    )
