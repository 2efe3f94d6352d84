"""The site that passkeys belong to: one name, whatever address a proxy or a reader used to get here."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

_DEFAULT_PORTS = {80, 443}


def passkey_site(request: HttpRequest) -> str:
    """``BAILIWICK_BASE_URL`` without its path; where that is a number, the address in use.

    A browser takes passkeys under a name alone, never under a number (WebAuthn level 3, section 5.1.3).
    """
    own = urlsplit(settings.BAILIWICK_BASE_URL)
    if _number(own.hostname or "") is None:
        return f"{own.scheme}://{own.netloc}"
    return f"{request.scheme}://{request.get_host()}"


def passkeys_at(request: HttpRequest) -> str:
    """Where a reader has to open the portal to use passkeys; empty where they cannot be used at all."""
    site = urlsplit(passkey_site(request))
    number = _number(site.hostname or "")
    if number is None:
        return f"{site.scheme}://{site.netloc}"
    # This machine has a name of its own, under which browsers take passkeys even without TLS.
    return f"{site.scheme}://localhost{f':{site.port}' if site.port else ''}" if number.is_loopback else ""


def is_of(site: str, origin: str) -> bool:
    """Whether a browser's origin is this very site: its host and port, not one beside it."""
    stated = _host_and_port(origin)
    return stated is not None and stated == _host_and_port(site)


def _host_and_port(address: str) -> tuple[str, int | None] | None:
    try:
        split = urlsplit(address)
        host, port = split.hostname or "", split.port
    except ValueError:
        return None
    # Behind a proxy that ends TLS the scheme in use is not the browser's; fido2 sees to https.
    return host, None if port in _DEFAULT_PORTS else port


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
