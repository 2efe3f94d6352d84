"""Where passkeys work, for the pages that ask for one."""

from django import template
from django.template import Context

from portal.identity.site import passkeys_at

register = template.Library()


@register.inclusion_tag("components/_passkeys_at.html", takes_context=True)
def passkey_place(context: Context) -> dict[str, str]:
    """A line that the page's script shows where the browser takes no passkeys, with the address where it does."""
    return {"at": passkeys_at(context["request"])}
