r"""The one normal form of each name that an agent or a person may give, or the reason it is refused.

Every function here takes text from outside and either returns the form that patterns are compared with
or raises ``Refused``. A refused name matches nothing, so it is never allowed. Nothing is repaired that
could mean two things: ``..`` is refused and not resolved, because through a symbolic link ``a/../b`` is
not ``b``; percent-encoding is refused and not decoded, because the next reader may decode it once more.

- **Repository**: ``owner/name`` on github.com, ``host/owner/name`` anywhere else, lower case. Accepted
  spellings: those two, ``https://`` and ``ssh://`` addresses, ``user@host:owner/name``, each with or without
  ``.git``. A repository that its host has renamed, or that is a link to another, is the same text with
  another meaning: only the host knows, so only the host's own answer can show it.
- **Branch**: without ``refs/heads/``; what git itself would refuse (git-check-ref-format) is refused, and
  so are forms that git would resolve further (``heads/x``, ``HEAD``, ``a:b``, ``+a``).
- **Path**: relative to the root, ``/`` between components, ``.`` and double slashes dropped, ``.`` for the
  root itself. It is a name and never a pattern: ``*`` and ``?`` are refused.
- **Host**: lower case, without a final dot; ``:port`` kept unless it is 443.
- **Environment**, **provider**, **kind of credential**: lower case. **Model**, **tool**: as given, ASCII only.
- **Repository id**: the number that the host gives and keeps through renames; digits only.
"""

import re
import unicodedata

DEFAULT_HOST = "github.com"
MAX_NAME = 255
MAX_PATH = 1024
# A pattern with two ** takes time in the square of the depth.
MAX_DEPTH = 64

_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")
_HOST = re.compile(
    r"(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::[1-9][0-9]{0,4})?"
)
_SCP = re.compile(r"[A-Za-z0-9._-]+@([^/@:]+):([^/:@][^:@]*)")
_URL = re.compile(r"(https|ssh|git\+ssh)://(?:[^/@]*@)?([^/@]+)/([^?#@]+)", re.IGNORECASE)
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_IN_BRANCH = re.compile(r"[ ~^:?*\[\\]|\.\.|@\{|//")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
_HOST_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_TOOL = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]*", re.ASCII)
_KIND = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)
_TASK = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)

# Categories that have no look of their own or end a line: controls, formats (bidi, zero width), surrogates,
# private and unassigned characters, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Mc", "Me"})
# Letters and marks that Unicode calls default-ignorable (DerivedCoreProperties), and the blank Braille cell.
_IGNORED = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
# Signs that read as a slash or a dot and are left alone by NFKC.
_LOOKALIKE = frozenset("\u2044\u2215\u2571\u29f8\u29f9\u2216\ua4f8\u06d4\u0701\u0702")


class Refused(ValueError):
    """A name that has no single safe meaning. The message is one sentence for a person."""


def seen_text(text: object, *, limit: int = MAX_NAME) -> str:
    """Return ``text`` when a reader sees all of it and it is the only spelling of itself, else refuse."""
    text = as_text(text)
    if not text:
        raise Refused("It is empty.")
    if len(text) > limit:
        raise Refused(f"It is longer than {limit} characters.")
    if text.isascii() and text.isprintable():
        return text
    before = " "
    for sign in text:
        if unicodedata.category(sign) in _UNSEEN or sign in _IGNORED or 0xFE00 <= ord(sign) <= 0xFE0F:
            raise Refused(f"It holds a character that cannot be seen (U+{ord(sign):04X}).")
        if 0xE0100 <= ord(sign) <= 0xE01EF:
            raise Refused(f"It holds a character that cannot be seen (U+{ord(sign):04X}).")
        if sign in _LOOKALIKE:
            raise Refused(f"It holds a character that looks like another (U+{ord(sign):04X}).")
        if unicodedata.category(sign) in _MARKS and not (before.isalnum() or unicodedata.category(before) in _MARKS):
            raise Refused(f"It holds a mark that would be drawn over the sign before it (U+{ord(sign):04X}).")
        before = sign
    if unicodedata.normalize("NFKC", text) != text:
        raise Refused("It holds characters that have a plainer spelling (Unicode NFKC).")
    return text


def as_text(text: object) -> str:
    """Return ``text`` when it is one, else refuse."""
    if not isinstance(text, str):
        raise Refused("It is not text.")
    return text


def normalise_repository(name: object, *, wild: bool = False) -> str:
    """Return ``owner/name`` or ``host/owner/name``; with ``wild``, wildcards are taken after the owner."""
    text = seen_text(name)
    host, path = _host_and_path(text)
    segments = path.split("/")
    if len(segments) < 2:
        raise Refused("A repository is written owner/name or host/owner/name.")
    segments[-1] = _without_git(segments[-1])
    for place, segment in enumerate(segments):
        bare = segment.replace("*", "x").replace("?", "x") if wild and place else segment
        if wild and not place and ("*" in segment or "?" in segment):
            raise Refused("This would allow repositories of every owner; name the owner.")
        if bare.strip(".") == "" or not _SEGMENT.fullmatch(bare):
            raise Refused(f"{segment!r} cannot be part of a repository's name.")
    path = "/".join(segments).lower()
    if host in (None, DEFAULT_HOST):
        if len(segments) != 2:
            raise Refused("Without a host, a repository is written owner/name and is on github.com.")
        if "." in segments[0]:
            raise Refused(f"{segments[0]!r} reads as a host, and the owner or the name is missing.")
        return path
    return f"{host}/{path}"


def host_of_repository(normal: str) -> str:
    """Return the host of a repository in its normal form."""
    return normal.partition("/")[0] if normal.count("/") > 1 else DEFAULT_HOST


def _host_and_path(text: str) -> tuple[str | None, str]:
    if "\\" in text or "%" in text or " " in text:
        raise Refused("It holds a backslash, a percent sign or a space.")
    if url := _URL.fullmatch(text):
        scheme, host, path = url.groups()
        default = ":443" if scheme.lower() == "https" else ":22"
        return _full_host(host.removesuffix(default)), path.removesuffix("/")
    if scp := _SCP.fullmatch(text):
        return _full_host(scp[1]), scp[2]
    if ":" in text.partition("/")[2] or "@" in text or "://" in text:
        raise Refused("It is neither owner/name, host/owner/name, nor an https or ssh address.")
    first, _, rest = text.partition("/")
    if rest.count("/") and (("." in first.strip(".")) or ":" in first):
        return _full_host(first), rest
    return None, text


def _full_host(text: str) -> str:
    host = normalise_host(text)
    # Written without a dot or port it could not be told from an owner the next time it is read.
    if "." not in host and ":" not in host:
        raise Refused("The host must be written in full, with a dot or a port.")
    return host


def _without_git(segment: str) -> str:
    bare = segment[:-4] if segment.lower().endswith(".git") else segment
    if bare.lower().endswith(".git"):
        raise Refused(f"{segment!r} ends in .git more than once.")
    return bare


def normalise_branch(name: object) -> str:
    """Return the branch without ``refs/heads/``."""
    text = seen_text(name).removeprefix("refs/heads/")
    if _IN_BRANCH.search(text) or _ENCODED.search(text):
        raise Refused("It holds something that git does not take in a branch name, or percent-encoding.")
    if text.startswith(("/", "-", "+", "refs/", "heads/", "remotes/", "tags/")) or text.endswith(("/", ".")):
        raise Refused("It begins or ends in a way that a branch name does not.")
    if text in {"@", "HEAD"} or not text:
        raise Refused("It points at another branch instead of naming one.")
    for part in text.split("/"):
        if part.startswith(".") or part.lower().endswith(".lock"):
            raise Refused(f"{part!r} cannot be part of a branch name.")
    return text


def normalise_path(path: object, *, root: str = "") -> str:
    """Return ``path`` relative to ``root``, or ``.`` for the root itself.

    An absolute path must lie under ``root``, which must then be absolute too and is compared component by
    component, exactly. A relative path is taken to start at the root.
    """
    text = seen_text(path, limit=MAX_PATH)
    parts = _components(text)
    if text.startswith("/"):
        if not root.startswith("/"):
            raise Refused("It is absolute, and no root is known.")
        base = _components(seen_text(root, limit=MAX_PATH))
        if parts[: len(base)] != base:
            raise Refused("It lies outside the root.")
        parts = parts[len(base) :]
    elif parts and parts[0].startswith("~"):
        raise Refused("It starts in a home directory.")
    return "/".join(parts) or "."


def _components(text: str) -> list[str]:
    if "\\" in text or ":" in text or "*" in text or "?" in text:
        raise Refused("It holds a backslash, a colon or a wildcard.")
    if "%" in text and _ENCODED.search(text):
        raise Refused("It is percent-encoded.")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if len(parts) > MAX_DEPTH:
        raise Refused(f"It is deeper than {MAX_DEPTH} directories.")
    for part in parts:
        # Windows drops a final dot or space, so that "secrets." opens "secrets".
        if part == ".." or part[-1] in ". " or part[0] == " " or len(part) > MAX_NAME:
            raise Refused("It holds '..', or a component that begins or ends with a space or ends with a dot.")
    return parts


def normalise_host(name: object) -> str:
    """Return the host in lower case, with its port unless that is 443. Addresses of IPv6 are refused."""
    text = seen_text(name).lower()
    host, colon, port = text.partition(":")
    host = host.removesuffix(".")
    text = host if port == "443" else host + colon + port
    if not _HOST.fullmatch(text):
        raise Refused("It is not a host name.")
    return text


def normalise_environment(name: object) -> str:
    """Return the environment's name in lower case."""
    text = seen_text(name).lower()
    if not _WORD.fullmatch(text):
        raise Refused("An environment's name is letters, digits, dots, dashes and underscores.")
    return text


def normalise_model(name: object) -> str:
    """Return the model's name as given."""
    text = seen_text(name)
    if not _MODEL.fullmatch(text):
        raise Refused("It is not the name of a model.")
    return text


def normalise_repository_id(number: object) -> str:
    """Return the id that a repository has at its host, which stays when it is renamed: digits without a leading 0."""
    text = seen_text(str(number) if type(number) is int else number)
    if not _HOST_ID.fullmatch(text):
        raise Refused("The id of a repository is a whole number, as its host gives it.")
    return text


def normalise_tool(name: object) -> str:
    """Return the tool's name as given: letters and digits of ASCII and a few signs, so that no two look alike."""
    text = seen_text(name)
    if not _TOOL.fullmatch(text):
        raise Refused("It is not the name of a tool.")
    return text


def normalise_kind(name: object) -> str:
    """Return a kind of credential in lower case, as in ``github-app``."""
    text = seen_text(name).lower()
    if not _KIND.fullmatch(text):
        raise Refused("A kind of credential is letters, digits, dots, dashes and underscores.")
    return text


def normalise_provider(name: object) -> str:
    """Return the provider's name in lower case."""
    text = seen_text(name).lower()
    if not _KIND.fullmatch(text):
        raise Refused("It is not the name of a provider.")
    return text


def normalise_task(name: object) -> str:
    """Return the name of a task type: lower case and short, since people say it."""
    text = seen_text(name)
    if not _TASK.fullmatch(text):
        raise Refused("A task type is named with at most 40 small letters, digits and dashes, a letter first.")
    return text
