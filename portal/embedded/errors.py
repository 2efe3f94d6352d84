"""What can go wrong on the one machine, said so that the person at the terminal knows what to do next."""


class EmbeddedError(Exception):
    """A start or a stop that cannot go on; the message is printed as it is."""


class DataInUseError(EmbeddedError):
    """Another live process already runs a server on this data directory."""


class WrongVersionError(EmbeddedError):
    """The data directory was written by another major version of PostgreSQL."""
