"""Addresses of signing in, all served by allauth, less what the portal does not offer."""

from django.urls import include, path

from portal.identity.web.refusals import not_offered

urlpatterns = [
    # A person's e-mail address is set by an operator: changing it is changing who can reset the password.
    path("email/", not_offered),
    path("confirm-email/", not_offered),
    path("confirm-email/<str:key>/", not_offered),
    path("", include("allauth.urls")),
]
