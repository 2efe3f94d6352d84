"""The Django app of the pages' common parts: tags, pictures, paging, error pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "portal.web"
    label = "web"
    verbose_name = "Pages"
