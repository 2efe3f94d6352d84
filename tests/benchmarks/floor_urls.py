"""The portal's addresses and one more: the bare view that the check is measured against."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from uuid_utils.compat import uuid7

from portal.identity.rules.tokens import digest
from portal.urls import urlpatterns as portal_urls

PAYLOAD = b"x" * 660


@csrf_exempt
def floor(request: HttpRequest) -> HttpResponse:
    """One indexed SELECT and one durable INSERT of a row with four indexes; no parsing, no decision."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp(), id, agent_id FROM registry_credential WHERE digest = %s", [digest(token)]
        )
        now, credential, agent = cursor.fetchone()
        cursor.execute(
            "INSERT INTO bench_floor (id, at, agent, kind, body) VALUES (%s, %s, %s, %s, %s)",
            [uuid7(), now, agent, "check", PAYLOAD],
        )
    return HttpResponse(str(credential), content_type="text/plain")


urlpatterns = [path("floor", floor), *portal_urls]
