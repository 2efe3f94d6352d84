"""The well-known address of approvals, which stands outside /api/."""

from django.urls import path

from approvals.api.well_known import jwks

urlpatterns = [path(".well-known/jwks.json", jwks, name="jwks")]
