"""The public keys that check a grant's signature, at the address where such keys are looked for."""

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from approvals.selectors.grant_token import key_set


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """A JSON Web Key Set (RFC 7517). Public: these keys check and cannot sign. Old ones stay."""
    content = orjson.dumps(key_set())
    return HttpResponse(content, content_type="application/jwk-set+json", headers={"Cache-Control": "max-age=300"})
