"""The stops in force for the banner of every page (a template context processor)."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from registry.rules.kill import OrderState
from registry.selectors.kills import visible_orders
from registry.web.asking import person_of


def kills_in_force(request: HttpRequest) -> dict[str, Any]:
    """``kills_in_force`` for the base template; asked of the database only when a page shows it."""
    # An error page may be drawn before anyone is known.
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    return {"kills_in_force": SimpleLazyObject(lambda: _orders(request))}


def _orders(request: HttpRequest) -> list[dict[str, Any]]:
    orders = visible_orders(person_of(request)).filter(state=OrderState.ACTIVE.value).order_by("-number")[:20]
    return [
        {
            "number": order.number,
            "target": order.label,
            "reason": order.reason,
            "ordered_at": order.ordered_at,
            "url": reverse("registry:kill", args=[order.number]),
        }
        for order in orders
    ]
