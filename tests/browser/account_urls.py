"""The account pages alone, so that their look is proved apart from how the portal wires them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path


def home(request: HttpRequest) -> HttpResponse:
    return render(request, "layouts/base.html")


urlpatterns = [path("", home, name="home"), path("accounts/", include("portal.identity.web.sign_in_urls"))]
