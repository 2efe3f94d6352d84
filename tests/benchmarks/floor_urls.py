"""The portal's addresses and a few more: the bare views that the check is measured against.

Bare is meant: they go past the middleware of pages, as the check does (portal.hot_paths).
"""

from functools import partial

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from uuid_utils.compat import uuid7

from portal.hot_paths import VIEWS
from portal.identity.rules.tokens import digest
from portal.urls import urlpatterns as portal_urls

PAYLOAD = b"x" * 660
LIST = Engine().from_string("<ul>{% for row in rows %}<li>{{ row.0 }} {{ row.1 }} {{ row.2 }}</li>{% endfor %}</ul>")


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


@csrf_exempt
def floor_of(request: HttpRequest, inserts: int) -> HttpResponse:
    """As above with several rows, in one transaction: what an answer costs at least that records several facts."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp(), id, agent_id FROM registry_credential WHERE digest = %s", [digest(token)]
        )
        now, credential, agent = cursor.fetchone()
        for _ in range(inserts):
            cursor.execute(
                "INSERT INTO bench_floor (id, at, agent, kind, body) VALUES (%s, %s, %s, %s, %s)",
                [uuid7(), now, agent, "check", PAYLOAD],
            )
    return HttpResponse(str(credential), content_type="text/plain")


def floor_agents(request: HttpRequest) -> HttpResponse:
    """50 rows of the agents' table and a list of their names; no session, no rights, no policies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name, state FROM registry_agent ORDER BY name, id LIMIT 50")
        rows = cursor.fetchall()
    return HttpResponse(LIST.render(Context({"rows": rows})))


VIEWS.update({"/floor": floor, "/floor/2": partial(floor_of, inserts=2), "/floor/3": partial(floor_of, inserts=3)})
urlpatterns = [
    path("floor", floor),
    path("floor/<int:inserts>", floor_of),
    path("floor/agents", floor_agents),
    *portal_urls,
]
