"""The identity of a run: the same agent and session give the same run id on any machine."""

from functools import lru_cache
from uuid import UUID, uuid5

# Ours alone and never to change: every run id ever written to the ledger hangs on it.
RUN_NAMESPACE = UUID("6d0d8a3e-52f1-5c0b-9a8e-0b7a1c7d4e21")


@lru_cache(maxsize=4096)
def run_id(agent_id: UUID, session_id: str) -> UUID:
    """Return the run's UUIDv5 (RFC 9562, section 5.5) from the agent and the platform's session id.

    The session id is taken exactly as sent: no trimming, no change of case. The agent's id has a fixed
    length, so no two pairs can run together into the same name.
    """
    return uuid5(RUN_NAMESPACE, f"{agent_id}/{session_id}")
