"""Lists over the API: by cursor, newest first, never by offset."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Pages of 50 (``?size=`` up to 200) by UUIDv7, which orders by creation."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "size"
    max_page_size = 200
