"""Small views that do nothing but let the shared parts of the API show what they do."""

import threading
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import include, path
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api.idempotency import idempotent
from portal.errors import Conflict, StaleView

CALLS: list[Any] = []
GATE = threading.Event()

RAISED: dict[str, Exception] = {
    "conflict": Conflict("It changed. Nothing was done."),
    "stale": StaleView("It changed.", difference={"branch": ["a", "b"]}, status="hidden"),
    "denied": PermissionDenied(),
    "missing": Http404(),
    "fields": exceptions.ValidationError({"scope": {"paths": [["Too wide."], ["Bad."]]}, "name": ["Needed."]}),
    "throttled": exceptions.Throttled(wait=3),
    "fault": RuntimeError("with a secret in it"),
}


class Raise(APIView):
    def get(self, request: Request, what: str) -> Response:
        raise RAISED[what]


class Echo(APIView):
    def post(self, request: Request) -> Response:
        return Response(request.data)


class Thing(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=20)


class Create(APIView):
    @idempotent
    def post(self, request: Request) -> Response:
        asked = cast("dict[str, Any]", request.data)
        CALLS.append(asked)
        if asked.get("wait"):
            GATE.wait(120)
        if asked.get("fail"):
            raise RAISED[asked["fail"]]
        if asked.get("bad"):
            Thing(data={}).is_valid(raise_exception=True)
        return Response({"made": len(CALLS)}, status=201, headers={"Location": f"/things/{len(CALLS)}"})


urlpatterns = [
    path("api/probe/raise/<str:what>", Raise.as_view()),
    path("api/probe/echo", Echo.as_view()),
    path("api/probe/create", Create.as_view()),
    path("api/probe/other", Create.as_view()),
    path("api/", include("portal.api.urls")),
]

handler500 = "portal.web.errors.handler500"
