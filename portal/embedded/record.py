"""Remembers on disk what a run has started, so that another process can stop it or clean up after it."""

import json
import signal
from dataclasses import asdict, dataclass, field
from pathlib import Path

from portal.embedded.files import Lock, write_private
from portal.embedded.processes import Identity, end, end_group, is_alive, orphans_of

_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))


@dataclass
class Record:
    """The supervisor, its children by name, and the address; `ready` once the portal has answered."""

    supervisor: Identity
    address: str
    ready: bool = False
    children: dict[str, Identity] = field(default_factory=dict)


def path_of(data_dir: Path) -> Path:
    return data_dir / "run.json"


def lock_of(data_dir: Path) -> Lock:
    data_dir.mkdir(parents=True, exist_ok=True)
    return Lock(data_dir / "run.lock")


def write(data_dir: Path, record: Record) -> None:
    write_private(path_of(data_dir), json.dumps(asdict(record), indent=2) + "\n")


def read(data_dir: Path) -> Record | None:
    """What the last run wrote; None when nothing runs and nothing was left behind."""
    try:
        found = json.loads(path_of(data_dir).read_text())
        return Record(
            supervisor=Identity(**found["supervisor"]),
            address=str(found["address"]),
            ready=bool(found["ready"]),
            children={name: Identity(**child) for name, child in found["children"].items()},
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def is_running(data_dir: Path) -> bool:
    """Whether a supervisor holds the lock now."""
    lock = lock_of(data_dir)
    taken = lock.acquire()
    lock.release()
    return not taken


def remove(data_dir: Path) -> None:
    path_of(data_dir).unlink(missing_ok=True)


def end_leftovers(data_dir: Path) -> list[str]:
    """End the children of a supervisor that was killed; returns their names. The caller holds the lock."""
    record = read(data_dir)
    if record is None:
        return []
    ended = []
    for name, identity in record.children.items():
        if not is_alive(identity):
            # Its process id, and so its group id, may belong to somebody else by now: only what is surely ours.
            left = orphans_of(identity)
            ended += [name] if left else []
            for orphan in left:
                end(orphan, _STEPS)
            continue
        end(identity, _STEPS)
        end_group(identity.pid)
        ended.append(name)
    remove(data_dir)
    return ended
