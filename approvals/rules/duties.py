"""Segregation of duties: who has a part in a request, and therefore may not decide it."""

from enum import StrEnum


class Part(StrEnum):
    """What somebody has to do with a request."""

    INITIATOR = "initiator"
    PROMPT_AUTHOR = "prompt_author"
    CREDENTIAL_HOLDER = "credential_holder"
    POLICY_EDITOR = "policy_editor"
    CO_AUTHOR = "co_author"
    PAYLOAD_EDITOR = "payload_editor"
