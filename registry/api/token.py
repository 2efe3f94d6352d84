"""Exchange of an outside token over the API (RFC 8693): the token itself is all that authenticates."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.parsers import StrictJSONParser
from portal.api.problems import pointers
from portal.api.schema import refusal
from portal.errors import InvalidInput, PortalError, TooLarge
from registry.api.tries import count_refusal, refuse_if_too_many
from registry.services.exchange import MINUTES, exchange

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a kind of token, not one
SUBJECT_TYPES = ("urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token")
MOST_BYTES = 64 * 1024


class TokenExchangeInput(serializers.Serializer[Any]):
    """A token exchange (RFC 8693 section 2.1), as a form or as JSON. ``agent`` says for which agent."""

    grant_type = serializers.CharField(help_text=f"`{GRANT_TYPE}`")
    subject_token = serializers.CharField(help_text="The token of the CI job or cloud agent.", trim_whitespace=False)
    subject_token_type = serializers.CharField(help_text=" or ".join(f"`{one}`" for one in SUBJECT_TYPES))
    agent = serializers.CharField(max_length=80, help_text="The agent's id or slug.")
    requested_token_type = serializers.CharField(required=False, help_text=f"`{ACCESS_TOKEN}`")


class TokenExchanged(serializers.Serializer[Any]):
    """The credential's token (RFC 8693 section 2.2.1), in this answer only."""

    access_token = serializers.CharField()
    issued_token_type = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")


class TokenExchange(APIView):
    # No session is read, so there is nothing that a form of another site could ride on.
    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (StrictJSONParser, FormParser)

    @extend_schema(
        operation_id="token_exchange",
        summary="Exchange an outside token for a credential",
        tags=["credentials"],
        auth=[],
        request={"application/x-www-form-urlencoded": TokenExchangeInput, "application/json": TokenExchangeInput},
        responses={
            200: TokenExchanged,
            409: refusal("The agent is stopped, suspended or retired."),
            429: refusal("This address was refused too often."),
            503: refusal("The issuer's keys cannot be read."),
        },
    )
    def post(self, request: Request) -> Response:
        """Fifteen minutes, narrowed to the token's repository; ``error`` in a refusal is that of RFC 6749."""
        beneath = request._request  # noqa: SLF001
        refuse_if_too_many(beneath)
        try:
            asked = _read(request)
            _, token = exchange(agent_reference=asked["agent"], token=asked["subject_token"])
        except PortalError as error:
            error.extra.setdefault("error", _oauth_word(error))
            if error.status < 500:
                count_refusal(beneath)
            raise
        body = {
            "access_token": token,
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": MINUTES * 60,
        }
        return Response(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _read(request: Request) -> dict[str, Any]:
    if int(request.headers.get("Content-Length") or 0) > MOST_BYTES:
        raise TooLarge(f"The body has more than the {MOST_BYTES} bytes that are accepted. Nothing was issued.")
    body = request.data
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a form or a JSON object. Nothing was issued.")
    form = TokenExchangeInput(data=body)
    faults = [
        {"pointer": f"/{name}", "detail": "is not supported here"} for name in sorted(set(body) - set(form.fields))
    ]
    if hasattr(body, "getlist"):
        faults += [{"pointer": f"/{name}", "detail": "is given twice"} for name in body if len(body.getlist(name)) > 1]
    if not form.is_valid():
        faults += pointers(form.errors)
    if faults:
        raise InvalidInput("The request is not a token exchange that can be read. Nothing was issued.", errors=faults)
    asked: dict[str, Any] = dict(form.validated_data)
    _refuse_types(asked)
    return asked


def _refuse_types(asked: dict[str, Any]) -> None:
    if asked["grant_type"] != GRANT_TYPE:
        raise InvalidInput(
            "This address takes token exchanges alone. Nothing was issued.",
            errors=[{"pointer": "/grant_type", "detail": f"must be {GRANT_TYPE}"}],
            error="unsupported_grant_type",
        )
    if asked["subject_token_type"] not in SUBJECT_TYPES:
        raise InvalidInput(
            "Only signed JSON Web Tokens are exchanged. Nothing was issued.",
            errors=[{"pointer": "/subject_token_type", "detail": f"must be one of {', '.join(SUBJECT_TYPES)}"}],
        )
    if asked.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
        raise InvalidInput(
            "Only access tokens are issued. Nothing was issued.",
            errors=[{"pointer": "/requested_token_type", "detail": f"must be {ACCESS_TOKEN}"}],
        )


def _oauth_word(error: PortalError) -> str:
    if error.status >= 500:
        return "temporarily_unavailable"
    return "access_denied" if error.status in {403, 409} else "invalid_request"
