"""The database engine: Django's own, except for how it finds out that a kept connection has gone.

``CONN_HEALTH_CHECKS`` sends a statement before the first of every request: of three turns of a check one did nothing
else. A server that ends a connection (a restart, a failover, an administrator) closes its socket, and the end is
there to be read before anything is sent.
"""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """True for a connection on which nothing waits to be read; one on which something does is asked.

        So is one that has failed: what happened to it need not show yet.
        """
        if self.errors_occurred or self.connection is None or self.connection.closed:
            return super().is_usable()
        return _quiet(self.connection.fileno()) or super().is_usable()


def _quiet(socket: int) -> bool:
    """Neither a word nor the end waits to be read."""
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return not waiting.poll(0)
