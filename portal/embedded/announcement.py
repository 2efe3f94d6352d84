"""Says at the terminal where the portal is, who can sign in, and how an agent is pointed at it."""

from pathlib import Path

SIGN_INS = "demo-sign-ins.txt"
AGENT = "demo-agent.txt"


def announcement(data_dir: Path, *, address: str) -> str:
    """The text of a ready portal; the two files are written by the demonstration and may be missing."""
    lines = ["", f"Bailiwick is ready: {address}"]
    if "//127.0.0.1" in address:
        lines.append(f"With passkeys: {address.replace('127.0.0.1', 'localhost')} (browsers take none at a number)")
    sign_ins = _text(data_dir / SIGN_INS)
    if sign_ins:
        lines += ["", "Sign in with:", *(f"  {line}" for line in sign_ins.splitlines())]
    agent = _text(data_dir / AGENT)
    if agent:
        lines += ["", "Point an agent at it:", *(f"  {line}" for line in agent.splitlines())]
    lines += ["", f"Logs: {data_dir / 'log'}   Stop: Ctrl-C here, or `make stop`.", ""]
    return "\n".join(lines)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
