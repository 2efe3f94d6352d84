"""Finds TCP ports on the loopback that nobody listens on."""

import socket

from portal.embedded.errors import EmbeddedError

HOST = "127.0.0.1"


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a listener could be opened there now (somebody else may still be quicker)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(preferred: int = 0) -> int:
    """`preferred` when it is free, else any port the system gives."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    return int(port)


def first_free(start: int, *, tries: int = 50, host: str = HOST) -> int:
    """The first free port from `start` upwards."""
    for port in range(start, start + tries):
        if is_free(port, host):
            return port
    raise EmbeddedError(f"No free port between {start} and {start + tries - 1}. Set BAILIWICK_PORT.")
