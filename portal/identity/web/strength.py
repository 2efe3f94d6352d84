"""The name under which pages ask how strongly somebody signed in."""

from portal.identity.proof import sign_in_methods

__all__ = ["sign_in_methods"]
