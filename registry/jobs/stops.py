"""Keeps the second path sound: enters stops that were ordered offline, and writes the stop file when it is behind."""

import logging

from registry.services.stop_journal import enter_offline_orders
from registry.services.stopfile import publish_quietly

log = logging.getLogger(__name__)


def keep_stop_file() -> None:
    """Enter, then publish. A journal that cannot be read or written must not keep the file from being written."""
    try:
        enter_offline_orders()
    except OSError:
        log.exception("The journal of offline stops could not be read or written.")
    publish_quietly()
