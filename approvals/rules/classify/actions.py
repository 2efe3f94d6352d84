"""What a tool call amounts to: one or more actions of the registry's catalogue, each with its target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Action:
    """One action. ``type`` is a key of the catalogue; ``resource`` names the target; ``detail`` says why.

    ``paths`` are relative to the working directory when they lie inside it, absolute otherwise. ``branch``,
    ``host`` and ``environment`` are None when the call does not name one, which is never read as "any".
    ``command`` holds the words of the simple command it came from, None for a word that is only known when it runs;
    it is empty when the action came from no command, or from one whose program cannot be read. ``within`` holds the
    commands that started that one (``timeout``, ``sh -c``), the innermost first.
    """

    type: str
    resource: str = ""
    detail: str = ""
    paths: tuple[str, ...] = ()
    branch: str | None = None
    host: str | None = None
    environment: str | None = None
    command: tuple[str | None, ...] = ()
    within: tuple[tuple[str | None, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Classified:
    """Everything a call does, never empty. ``understood`` is False when any part of it is ``unknown``.

    ``files`` and ``lines`` are the size of the edit that a tool's own input shows; 0 when it shows none.
    """

    actions: tuple[Action, ...]
    understood: bool
    files: int = 0
    lines: int = 0


def note_command(found: list[Action], start: int, words: tuple[str | None, ...]) -> None:
    """Say of every action from ``start`` on that this command did it, or that it started the command that did."""
    for place in range(start, len(found)):
        one = found[place]
        command, within = (one.command, (*one.within, words)) if one.command else (words, ())
        # Written out, since dataclasses.replace costs three times as much and every command comes this way.
        found[place] = Action(
            one.type, one.resource, one.detail, one.paths, one.branch, one.host, one.environment, command, within
        )


def classified(found: list[Action], *, files: int = 0, lines: int = 0) -> Classified:
    """Return the distinct actions in order; nothing found is ``unknown``, since a call does something."""
    distinct = tuple(dict.fromkeys(found)) or (Action("unknown", detail="It does nothing that was recognised."),)
    return Classified(distinct, all(action.type != "unknown" for action in distinct), files, lines)
