"""The well-known addresses of the stop file, which stand outside /api/."""

from django.urls import path

from registry.api.stop_file import stop_file, stop_file_key

urlpatterns = [
    path(".well-known/bailiwick-stop", stop_file, name="stop_file"),
    path(".well-known/bailiwick-stop-key", stop_file_key, name="stop_file_key"),
]
