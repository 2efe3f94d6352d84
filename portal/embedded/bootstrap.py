"""Prepares a machine for `make run` and `make test`: a virtual environment, its packages, the system's libraries.

Runs under the bare Python of the system, before any package is there: standard library only.
"""

import argparse
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    dev = parser.parse_args().dev
    make_environment()
    install_packages("requirements-dev.lock" if dev else "requirements.lock", dev=dev)
    provide_libraries(dev=dev)
    return 0


def make_environment() -> None:
    """A virtual environment with pip in it; a broken one (its Python has moved) is made again."""
    if PYTHON.exists() and _succeeds(PYTHON, "-m", "pip", "--version"):
        return
    if PYTHON.exists() and _succeeds(PYTHON, "-m", "ensurepip"):
        return
    print("Making .venv ...", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]) != 0:
        raise SystemExit(
            "Python's venv module is not complete here. On Debian and Ubuntu it is in a package of its own "
            f"(python{sys.version_info.major}.{sys.version_info.minor}-venv); install it and run this again."
        )


def _succeeds(program: Path, *arguments: str) -> bool:
    done = subprocess.run([str(program), *arguments], capture_output=True, check=False)
    return done.returncode == 0


def install_packages(lock: str, *, dev: bool) -> None:
    """Install exactly the locked files, unless the stamp says that was done. pip's own configuration rules."""
    stamp = VENV / (".stamp-dev" if dev else ".stamp-run")
    wanted = hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text().strip() != wanted:
        print(f"Installing the packages of {lock} ...", flush=True)
        command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--disable-pip-version-check"]
        if subprocess.call([*command, "--quiet", "-r", str(ROOT / lock)]) != 0:
            raise SystemExit(f"pip could not install {lock}; its message is above.")
    stamp.write_text(wanted + "\n")


def _has_library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _has_font() -> bool:
    if shutil.which("fc-list"):
        found = subprocess.run(["fc-list"], capture_output=True, text=True, check=False)
        return bool(found.stdout.strip())
    return any(next(Path(folder).expanduser().rglob("*.[to]tf"), None) for folder in FONTS)


def _has_chromium() -> bool:
    return any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")))


# Debian's package name -> whether this machine already has what we need from it.
REPORTS: dict[str, Callable[[], bool]] = {
    "libpango-1.0-0": lambda: _has_library("libpango-1.0.so.0"),
    "libpangoft2-1.0-0": lambda: _has_library("libpangoft2-1.0.so.0"),
    "libharfbuzz-subset0": lambda: _has_library("libharfbuzz-subset.so.0"),
    "fonts-dejavu-core": _has_font,
}
TESTS: dict[str, Callable[[], bool]] = {
    "chromium": _has_chromium,
    "poppler-utils": lambda: shutil.which("pdftotext") is not None,
}


def provide_libraries(*, dev: bool) -> None:
    """Install what is missing where we may, else say plainly what will not work. Never stops the start."""
    missing = [name for name, present in (REPORTS | TESTS if dev else REPORTS).items() if not present()]
    if not missing:
        return
    if sys.platform != "linux":
        print(f"Missing: {', '.join(missing)}. {_consequence(missing)} On macOS: brew install pango poppler.")
        return
    prefix = _root_prefix()
    if shutil.which("apt-get") and prefix is not None and _apt(prefix, missing):
        return
    print(f"Missing system packages (Debian's names): {' '.join(missing)}. {_consequence(missing)}")
    print(f"As root: apt-get install {' '.join(missing)}", flush=True)


def _consequence(missing: list[str]) -> str:
    said = []
    if set(missing) & set(REPORTS):
        said.append("Evidence packages cannot be rendered to PDF without them.")
    if set(missing) & set(TESTS):
        said.append("The tests in a browser and of PDF text cannot run without them.")
    return " ".join(said)


def _root_prefix() -> list[str] | None:
    """How to become root without asking anybody: [] when we are, None when there is no way."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and _quietly(["sudo", "-n", "true"]) == 0:
        return ["sudo", "-n"]
    return None


def _apt(prefix: list[str], packages: list[str]) -> bool:
    print(f"Installing system packages: {' '.join(packages)} ...", flush=True)
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    install = [*command, "install", "-y", "--no-install-recommends", *packages]
    # A bare image has no package lists: the first attempt fails at once, and then they are worth fetching.
    if _quietly(install) == 0:
        return True
    _quietly([*command, "update"])
    return _quietly(install) == 0


def _quietly(command: list[str]) -> int:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
