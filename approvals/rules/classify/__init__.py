"""Says what a tool call of a coding agent does, in actions of the registry's catalogue, without running anything."""

from collections.abc import Mapping

from approvals.rules.classify.actions import Action, Classified, classified
from approvals.rules.classify.paths import Place
from approvals.rules.classify.tools import read_tool, size_of
from registry.rules.catalogue import BUILT_IN, Catalogue

__all__ = ["Action", "Classified", "classify"]


def classify(tool: str, tool_input: Mapping[str, object], *, cwd: str, catalogue: Catalogue = BUILT_IN) -> Classified:
    """Return what the call does. Total: whatever cannot be read, or fails to be read, is ``unknown``.

    ``catalogue`` holds the organisation's own actions: tools and programs that the portal does not know.
    """
    found: list[Action] = []
    files = lines = 0
    try:
        read_tool(tool, tool_input, Place.at(cwd), found, catalogue)
        files, lines = size_of(tool, tool_input)
    except Exception as error:  # noqa: BLE001  a reader that fails must gate the call, whatever the failure was
        found.append(Action("unknown", tool, f"It could not be read ({type(error).__name__})."))
    return classified(found, files=files, lines=lines)
