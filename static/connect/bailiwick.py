#!/usr/bin/env -S python3 -I -S
"""The agent's side of Bailiwick: asks the portal before an agent acts. Python 3.9 or later and nothing else.

    bailiwick.py hook claude                            Claude Code's command hook: JSON on stdin, the answer on stdout
    bailiwick.py check [options] -- command ...         one CI step: may this command run?
    bailiwick.py run [options] -- command ...           run it under a lease; a stop ends it
    bailiwick.py fingerprint [--members a,b] [--folder .]   what the agent of a checkout is made of
    bailiwick.py report-policy <agent> [--file PATH]    tell the portal which policy file is committed
    bailiwick.py stopfile verify                        what the stop file says

THE RULE: whatever goes wrong here is a refusal. The portal dead, slow, confused, or saying anything but "allow";
a stop file that names this agent or cannot be verified; a fault in this file: the call is not made.

Environment
    BAILIWICK_URL          the portal; https, or http on this machine (elsewhere only with BAILIWICK_ALLOW_HTTP=1)
    BAILIWICK_TOKEN        the agent's credential. It is sent to BAILIWICK_URL and nowhere else
    BAILIWICK_STOP_FILE    path or address of the signed stop file, the way to stop that does not need the portal
    BAILIWICK_STOP_KEY     the public key that signs it, from the agent's Connect page. Without it the file is not believed
    BAILIWICK_AGENT, BAILIWICK_TEAM     ids, so that the stop file's lines can be told apart
    BAILIWICK_REPOSITORY, _REPOSITORY_ID, _BRANCH, _ENVIRONMENT, _MODEL, _PROVIDER, _CREDENTIAL, _INITIATOR, _TASK,
    _PROMPT_AUTHOR, _CO_AUTHORS (apart by commas), _FINGERPRINT, _HEAD, _FILES, _LINES, _SESSION, _POINT
                           what is stated about a call; GitHub Actions' own are understood. Without _HEAD it is the
                           commit that the checkout stands at, as far as its .git tells
    BAILIWICK_STATE_DIR    where the newest stop file seen is kept (default ~/.local/state/bailiwick)
    BAILIWICK_CA_FILE      certificates to trust instead of the system's

Exit status of check: 0 allowed, 1 denied, 2 waits for approval, 3 could not ask (denied); wrong usage is 3 too.
Exit status of run: the command's own; 75 when it was stopped or not started because of a stop; 3 could not ask.

-I -S in the first line: no site-packages, no PYTHON* variables, not the folder it lies in. It starts faster, and
nothing that an agent can write is imported. What is not needed by `hook` is imported where it is needed.
"""

import _thread
import json
import os
import socket
import sys
import time

VERSION = "1"
ANSWER_SECONDS = 10.0  # for the whole of one question, name lookup and a body that drips included
MOST_ANSWER = 2 << 20
MOST_QUESTION = 12 << 20
ALLOWED, DENIED, WAITS, NOT_ASKED, STOPPED = 0, 1, 2, 3, 75
# What may be stated about a call: member of a check, header of a hook, and where GitHub Actions says it.
FACTS = {
    "repository": "GITHUB_REPOSITORY",
    "repository_id": "GITHUB_REPOSITORY_ID",
    "branch": "GITHUB_HEAD_REF GITHUB_REF_NAME",
    "environment": "",
    "model": "",
    "provider": "",
    "credential": "",
    "initiator": "",
    "prompt_author": "",
    "co_authors": "",
    "task": "",
    "fingerprint": "",
    "head": "",
    "files": "",
    "lines": "",
}
NUMBERS = ("files", "lines")
MOST_DIFF = 500_000  # characters; the portal takes no more


class Refused(Exception):
    """Why the call is not made. stopped: a stop is in force, the agent should end."""

    def __init__(self, sentence, stopped=False):
        super().__init__(sentence)
        self.sentence, self.stopped = sentence, stopped


class CouldNotAsk(Refused):
    """The portal gave no answer that can be used."""


def main(arguments):
    commands = {"hook": hook, "check": check, "run": run, "fingerprint": show_fingerprint,
                "report-policy": report_policy, "stopfile": stopfile}
    if not arguments or arguments[0] not in commands:
        sys.stderr.write(__doc__)
        return NOT_ASKED
    try:
        return commands[arguments[0]](arguments[1:])
    except Refused as refusal:
        warn(refusal.sentence)
        return STOPPED if refusal.stopped and arguments[0] == "run" else (
            NOT_ASKED if isinstance(refusal, CouldNotAsk) else DENIED)
    except Exception as fault:  # a fault of this file is a refusal too
        warn("It failed (%s: %s). Nothing was allowed." % (type(fault).__name__, fault))
        return NOT_ASKED


def warn(sentence):
    try:
        sys.stderr.write("bailiwick: %s\n" % sentence)
    except (OSError, ValueError):
        pass


# --- hook: Claude Code asks before a tool is used ------------------------------------------------------------

# What Claude Code tells afterwards or beside; everything else, also what it will learn to ask, is a question.
TOLD = ("PostToolUse", "PostToolUseFailure", "UserPromptSubmit", "Stop", "SubagentStop", "SessionStart", "SessionEnd",
        "Notification", "PreCompact")


def hook(arguments):
    """One answer on stdout, always, and exit status 0; a status could not deny in every version.

    The watchdog answers when everything else hangs (a name server that does not), since a hook that is killed
    for being late lets the call run.
    """
    printed = _thread.allocate_lock()

    def answer(document):
        if not printed.acquire(False):
            time.sleep(60)  # the other thread is answering and then ends the process
        data = json.dumps(document).encode() + b"\n"
        try:
            while data:
                data = data[os.write(1, data):]
        except OSError:
            os._exit(2)  # nobody reads the answer: 2 is what blocks without one
        os._exit(0)

    def watch():
        time.sleep(ANSWER_SECONDS + 1)
        answer(denial("The portal did not answer within %d seconds. Nothing was allowed." % ANSWER_SECONDS))

    _thread.start_new_thread(watch, ())
    try:
        if arguments[:1] != ["claude"]:
            raise Refused("The hook is not set up: write `hook claude`. Nothing was allowed.")
        options = parse(arguments[1:], flags=("fingerprint",))[0]
        reply = ask_hook(sys.stdin.buffer.read(MOST_QUESTION + 1), options)
        if reply is None:
            return 0
    except Refused as refusal:
        reply = denial(refusal.sentence, refusal.stopped)
    except BaseException as fault:  # whatever fails, the answer is no
        reply = denial("The hook failed (%s). Nothing was allowed." % type(fault).__name__)
    answer(reply)


def ask_hook(body, options):
    deadline = time.monotonic() + ANSWER_SECONDS
    try:
        event = json.loads(body)
        name = event["hook_event_name"]
    except (ValueError, KeyError, TypeError):
        event, name = {}, ""
    if name in TOLD:
        return tell(body, deadline, stated(options))
    if len(body) > MOST_QUESTION or not name:
        raise Refused("What the hook was given is not a hook's JSON. Nothing was allowed.")
    facts = with_head(stated(options), str(event.get("cwd") or "."))
    if options.get("fingerprint"):
        facts["fingerprint"] = composition(str(event.get("cwd") or "."), facts.get("model"))[1]
    refuse_if_stopped(deadline, facts, str(event.get("session_id", "")))
    status, answer = ask("POST", "/hooks/claude", body, deadline, headers_of(facts))
    return understood(status, answer)


def tell(body, deadline, facts):
    """A report holds nothing up: when it cannot be made, that is said and the agent goes on."""
    try:
        status, _ = ask("POST", "/ingest/hooks/claude", body, deadline, headers_of(facts))
        if not 200 <= status < 300:
            warn("The portal did not take the report (status %d)." % status)
    except Refused as refusal:
        warn(refusal.sentence)


def understood(status, answer):
    """Exactly the portal's decision, rebuilt from the members that are known; anything else is a refusal."""
    decision = answer.get("hookSpecificOutput") if isinstance(answer, dict) else None
    if status != 200 or not isinstance(decision, dict) or decision.get("hookEventName") != "PreToolUse":
        raise CouldNotAsk("The portal's answer cannot be used (status %d). Nothing was allowed." % status)
    reason = decision.get("permissionDecisionReason")
    reason = reason if isinstance(reason, str) else "No reason was given."
    stopped = answer.get("continue", True) is not True
    if decision.get("permissionDecision") != "allow" or stopped:
        return denial(reason, stopped)
    allowed, told = decided("allow", reason), decision.get("additionalContext")
    if isinstance(told, str) and told:
        allowed["hookSpecificOutput"]["additionalContext"] = told  # what a rule warns of without refusing
    return allowed


def decided(decision, reason):
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": decision,
                                   "permissionDecisionReason": reason}}


def denial(reason, stopped=False):
    answer = decided("deny", reason)
    if stopped:
        answer.update({"continue": False, "stopReason": reason})
    return answer


# --- check: one question of a CI step ------------------------------------------------------------------------

def check(arguments):
    options, words = parse(arguments, values=("tool", "input", "wait", "cwd", "session", "diff", *FACTS))
    question, facts = question_of(options, words)
    waits = number(options.get("wait", "0"), "--wait")
    until = time.monotonic() + waits
    while True:
        answer = ask_check(question, facts)
        if answer["outcome"] == "allow":
            print("allowed: %s" % answer.get("sentence", ""))
            return ALLOWED
        if answer["outcome"] != "review":
            print("denied: %s" % answer.get("sentence", ""))
            return DENIED
        request = answer.get("request") if isinstance(answer.get("request"), dict) else {}
        print("waits for approval: %s %s\n%s" % (request.get("number"), request.get("url"), answer.get("sentence", "")))
        sys.stdout.flush()
        if not wait_for(str(request.get("number", "")), until, facts, question["session"]):
            return WAITS if time.monotonic() >= until else DENIED
        until = min(until, time.monotonic() + 30)  # approved: ask again, and do not wait for a second approval


def question_of(options, words):
    import shlex

    cwd = options.get("cwd") or os.getcwd()
    facts = with_head(stated(options), cwd)
    if "input" in options:
        try:
            given = json.loads(options["input"])
        except ValueError:
            raise CouldNotAsk("--input is not JSON. Nothing was asked.") from None
    elif words:
        given = {"command": words[0] if len(words) == 1 else " ".join(shlex.quote(word) for word in words)}
    else:
        raise CouldNotAsk("Write the command after --. Nothing was asked.")
    question = {"schema": "1", "session": session_of(options), "tool": options.get("tool", "Bash"), "input": given,
                "cwd": cwd, **facts}
    if "co_authors" in facts:
        question["co_authors"] = [one.strip() for one in facts["co_authors"].split(",") if one.strip()]
    if "diff" in options:
        question["diff"] = diff_in(options["diff"])
    return question, facts


def diff_in(path):
    """The whole change that the call is about, from a file: as it is or not at all."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read(MOST_DIFF + 1)
    except (OSError, ValueError) as fault:
        raise CouldNotAsk("--diff %s cannot be read: %s. Nothing was asked." % (path, fault)) from None
    if len(text) > MOST_DIFF:
        raise CouldNotAsk("--diff %s is longer than %d characters. Nothing was asked." % (path, MOST_DIFF))
    return text


def ask_check(question, facts):
    deadline = time.monotonic() + ANSWER_SECONDS
    refuse_if_stopped(deadline, facts, question["session"])
    status, answer = ask("POST", "/api/v1/checks", json.dumps(question).encode(), deadline, {})
    if status != 200 or not isinstance(answer, dict) or answer.get("outcome") not in ("allow", "deny", "review"):
        raise CouldNotAsk(said(answer, "The portal gave no decision (status %d). Nothing was allowed." % status))
    if answer.get("stopped") is not False:
        raise Refused(str(answer.get("sentence", "A stop is in force.")), stopped=True)
    return answer


def wait_for(label, until, facts, session):
    """True when people approved it; False when they refused it or the time ran out."""
    while time.monotonic() < until:
        time.sleep(min(3.0, max(0.0, until - time.monotonic())))
        deadline = time.monotonic() + ANSWER_SECONDS
        refuse_if_stopped(deadline, facts, session)
        try:
            status, answer = ask("GET", "/api/v1/agent/requests/%s" % label, None, deadline, {})
        except CouldNotAsk as fault:
            warn(fault.sentence)
            continue
        if status == 200 and isinstance(answer, dict) and answer.get("state") != "pending":
            print("%s is %s. %s" % (label, answer.get("state"), answer.get("reason") or ""))
            return answer.get("state") == "approved" and bool(answer.get("usable_until"))
    return False


# --- run: a command under a lease ----------------------------------------------------------------------------

def run(arguments):
    """The command runs while the lease does. What ends it: a stop, the stop file, or a lease that ran out.

    The lease is asked for in a thread of its own, so that a portal that hangs cannot delay its end. A guard
    process ends the command when this one is killed. What leaves the command's process group escapes both.
    """
    import threading

    options, words = parse(arguments, values=("point", "cwd", "session", "diff", *FACTS), flags=("check",))
    if not words:
        raise CouldNotAsk("Write the command after --. Nothing was started.")
    if "diff" in options and not options.get("check"):
        raise CouldNotAsk("--diff belongs to a question; write --check as well. Nothing was started.")
    if options.get("check"):
        answer = ask_check(*question_of(options, words))
        if answer["outcome"] != "allow":
            print("not started: %s" % answer.get("sentence", ""))
            return DENIED if answer["outcome"] == "deny" else WAITS
    lease = Lease(options)
    lease.renew(ANSWER_SECONDS)
    if lease.over():
        raise (Refused if lease.stopped else CouldNotAsk)("Not started. " + lease.over(), bool(lease.stopped))
    child = Child(words)
    threading.Thread(target=lease.keep, daemon=True).start()
    because = ""
    while child.running() and not because:
        time.sleep(0.1)
        because = child.asked_to_end() or lease.over()
    status = child.end()
    lease.finish(stopped=bool(because))
    if because:
        warn("The command was ended. " + because)
        return STOPPED if not child.asked_to_end() else status
    return status


class Lease:
    """The right to go on for some seconds; what the stop file says counts at once."""

    def __init__(self, options):
        self.facts, self.session = stated(options), session_of(options)
        self.point = options.get("point") or os.environ.get("BAILIWICK_POINT") or "%s %s" % (
            socket.gethostname(), self.session)
        self.stopped = None  # why, once something stops the agent
        self.seconds, self.until, self.fault = 0.0, 0.0, "The portal gave no lease."
        self.working, self.seen = False, None

    def question(self):
        body = {"point": self.point[:120], "kind": "ci" if os.environ.get("CI") else "wrapper", "session": self.session,
                "working": self.working}
        if "repository" in self.facts:
            body["repository"] = self.facts["repository"]
        return json.dumps(body).encode()

    def renew(self, seconds):
        """Ask once. The lease counts from when the question was sent, by this machine's steady clock."""
        asked = time.monotonic()
        try:
            refuse_if_stopped(asked + seconds, self.facts, self.session)
            status, answer = ask("POST", "/api/v1/leases", self.question(), asked + seconds, {})
            answer = answer if isinstance(answer, dict) else {}
        except CouldNotAsk as fault:
            self.fault = fault.sentence
            return
        except Refused as refusal:
            self.stopped = refusal.sentence
            return
        lease = answer.get("lease_seconds")
        if status in (200, 201) and answer.get("stopped") is True:
            self.stopped = said(answer, "A stop is in force.")
        elif status in (200, 201) and answer.get("stopped") is False and type(lease) is int and 0 < lease <= 300:
            self.seconds, self.until = float(lease), asked + lease
        elif status in (401, 403) and self.seconds:
            self.stopped = said(answer, "The credential is not valid any more (status %d)." % status)
        else:
            self.fault = said(answer, "The portal gave no lease (status %d)." % status)

    def keep(self):
        """Renew at a third of the lease; between, look at the stop file every second."""
        self.working = True
        due = time.monotonic() + self.seconds / 3
        while self.working and not self.over():
            time.sleep(min(1.0, self.seconds / 10))
            try:
                if time.monotonic() >= due:
                    due = time.monotonic() + self.seconds / 3
                    self.renew(min(5.0, self.seconds / 3))
                elif not stop_place().startswith(("http://", "https://")):
                    refuse_if_stopped(time.monotonic() + 1, self.facts, self.session)
            except Refused as refusal:
                self.stopped = refusal.sentence
            except Exception as fault:  # a fault of ours must not leave the lease running without its keeper
                self.fault = "The lease could not be renewed (%s)." % type(fault).__name__

    def over(self):
        """Why the command must not run, empty while it may."""
        if self.stopped is not None:
            return self.stopped
        if time.monotonic() >= self.until:
            return "The lease ran out. " + self.fault if self.seconds else self.fault
        return ""

    def finish(self, stopped):
        """Tell the portal that nothing runs any more: the acknowledgement of a stop, and the end of the lease."""
        self.working = False
        try:
            if stopped:
                ask("POST", "/api/v1/leases", self.question(), time.monotonic() + 3, {})
            ask("POST", "/api/v1/leases/release", json.dumps({"point": self.point[:120]}).encode(),
                time.monotonic() + 3, {})
        except Refused as refusal:
            warn(refusal.sentence)


class Child:
    """The command in a session and process group of its own, with a guard that outlives this process."""

    def __init__(self, words):
        import signal
        import subprocess

        self.signals, self.signal = signal, 0
        reading, self.guard = os.pipe()
        if os.fork() == 0:
            os.close(self.guard)
            guard(reading, signal)
        os.close(reading)
        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(one, self.note)
        try:
            self.process = subprocess.Popen(words, start_new_session=True)
        except OSError as fault:
            os.write(self.guard, b"done\n")
            raise CouldNotAsk("The command cannot be started: %s" % fault) from None
        os.write(self.guard, b"%d\n" % self.process.pid)

    def note(self, number, frame):
        self.signal = number

    def asked_to_end(self):
        return "Signal %d was received." % self.signal if self.signal else ""

    def running(self):
        return self.process.poll() is None

    def end(self):
        """End what is left of the group, also when the command itself has ended, and return its status."""
        end_group(self.process.pid, self.signals, self.process.poll)
        os.write(self.guard, b"done\n")
        status = self.process.wait()
        return status if status >= 0 else 128 - status


def end_group(group, signal, reap=lambda: None):
    """SIGTERM, five seconds, SIGKILL: to the whole process group."""
    for number, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        until = time.monotonic() + seconds
        try:
            os.killpg(group, number)
            while time.monotonic() < until:
                reap()
                os.killpg(group, 0)
                time.sleep(0.05)
        except (ProcessLookupError, PermissionError):
            return


def guard(reading, signal):
    """Wait for the end of the process that holds the pipe. When it died without saying "done", end the command."""
    try:
        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(one, signal.SIG_IGN)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        told, piece = b"", b"-"
        while piece:
            piece = os.read(reading, 100)
            told += piece
        lines = told.split()
        if lines and lines[-1] != b"done":
            end_group(int(lines[0]), signal)
    finally:
        os._exit(0)


# --- the stop file -------------------------------------------------------------------------------------------

def stop_place():
    return os.environ.get("BAILIWICK_STOP_FILE", "")


def refuse_if_stopped(deadline, facts, session):
    """Raise Refused when the stop file names this agent, this run or this repository, or cannot be believed."""
    stops = read_stops(deadline) if stop_place() else None
    if not stops or not stops["stopped"]:
        return
    for key in stops["stopped"]:
        kind, _, name = key.partition(":")
        if concerns(kind, name, facts, session):
            raise Refused("The stop file (sequence %d, issued %s) stops %s. Stop now and make no further calls."
                          % (stops["sequence"], stops["at"], key), stopped=True)


def concerns(kind, name, facts, session):
    agent, team = os.environ.get("BAILIWICK_AGENT", "").lower(), os.environ.get("BAILIWICK_TEAM", "").lower()
    if kind == "all":
        return True
    if kind in ("agent", "drill", "run") and not agent or kind == "team" and not team:
        raise Refused("The stop file stops a %s, and BAILIWICK_%s does not say whether that is this one. "
                      "Nothing was allowed." % (kind, "TEAM" if kind == "team" else "AGENT"), stopped=True)
    if kind in ("agent", "drill"):
        return name == agent
    if kind == "team":
        return name == team
    if kind == "run":
        import uuid

        return name == str(uuid.uuid5(uuid.UUID(RUN_NAMESPACE), "%s/%s" % (agent, session)))
    if kind == "repository":
        stated_name = facts.get("repository", "").lower().split("#")[0].rstrip("/")
        for prefix in ("https://", "github.com/"):
            stated_name = stated_name[len(prefix):] if stated_name.startswith(prefix) else stated_name
        return name in (stated_name, stated_name[:-4] if stated_name.endswith(".git") else stated_name)
    return False  # an action type: only the portal can tell which actions a call is


RUN_NAMESPACE = "6d0d8a3e-52f1-5c0b-9a8e-0b7a1c7d4e21"


def read_stops(deadline):
    """What the newest stop file seen says; None when there never was one. Raises Refused for one that is not good.

    The newest note that verified is kept as it was signed. An older file in its place changes nothing then, and
    whoever writes into the folder where it is kept cannot invent one.
    """
    key = os.environ.get("BAILIWICK_STOP_KEY", "").strip()
    if not key:
        raise Refused("BAILIWICK_STOP_FILE is set and BAILIWICK_STOP_KEY is not, so the stop file cannot be believed. "
                      "Nothing was allowed.", stopped=True)
    note = fetch_stops(deadline)
    try:
        found = None if note is None else opened(note, key)
    except ValueError as fault:
        raise Refused("The stop file cannot be verified: %s. Nothing is allowed until it can." % fault,
                      stopped=True) from None
    kept_at = os.path.join(state_folder(), "stop-%s" % key.split("+")[1] if key.count("+") >= 2 else "stop")
    try:
        with open(kept_at, "rb") as file:
            kept_note = file.read(MOST_ANSWER)
        kept = found if kept_note == note else opened(kept_note, key)
    except (OSError, ValueError):
        kept = None
    if kept and (found is None or kept["sequence"] > found["sequence"]):
        if found:
            warn("The stop file is older (sequence %d) than one seen before (%d), which counts."
                 % (found["sequence"], kept["sequence"]))
        return kept
    if found and (kept is None or found["sequence"] > kept["sequence"]):
        keep(kept_at, note)
    return found


def fetch_stops(deadline):
    """The bytes of the stop file, None when it is not there: absence says nothing, the portal is still asked."""
    place = stop_place()
    if place.startswith(("http://", "https://")):
        try:
            status, note = exchange("GET", place, {}, None, min(deadline, time.monotonic() + 3))
        except (OSError, ValueError) as fault:
            warn("The stop file was not reached: %s" % fault)
            return None
        return note if status == 200 else None
    try:
        with open(place, "rb") as file:
            return file.read(MOST_ANSWER)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise Refused("The stop file cannot be read (%s). Nothing was allowed." % fault.strerror,
                      stopped=True) from None


def state_folder():
    return os.environ.get("BAILIWICK_STATE_DIR") or os.path.join(
        os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state"), "bailiwick")


def keep(path, note):
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        unfinished = "%s.%d" % (path, os.getpid())
        with open(unfinished, "wb") as file:
            file.write(note)
        os.replace(unfinished, path)
    except OSError as fault:
        warn("The newest stop file could not be kept (%s), so an older one would not be noticed." % fault.strerror)


def opened(note, vkey):
    """The facts of a C2SP signed note in the format bailiwick-stop/1, signed by vkey; ValueError otherwise."""
    import base64
    import hashlib

    name, _, rest = vkey.partition("+")
    key_id, _, material = rest.partition("+")
    public = base64.b64decode(material.encode("ascii"), validate=True)
    if len(public) != 33 or public[:1] != b"\x01" or (
            hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8] != key_id):
        raise ValueError("BAILIWICK_STOP_KEY is not a key of the form name+id+base64")
    try:
        text, blank, tail = note.decode("utf-8").rpartition("\n\n")
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None
    if not blank or not tail.endswith("\n"):
        raise ValueError("it is not a signed note")
    text += "\n"
    signatures = []
    for line in tail[:-1].split("\n"):
        dash, signer, encoded = (line.split(" ") + ["", ""])[:3]
        if dash == "\u2014" and signer == name:
            signature = base64.b64decode(encoded.encode("ascii"), validate=True)
            if signature[:4].hex() == key_id:
                signatures.append(signature[4:])
    if not signatures:
        raise ValueError("the expected key did not sign it")
    if not all(ed25519(public[1:], text.encode(), signature) for signature in signatures):
        raise ValueError("its signature is wrong")
    lines = text[:-1].split("\n")
    if len(lines) < 4 or lines[0] != "bailiwick-stop/1" or lines[1] != name or not lines[2].isdigit():
        raise ValueError("it is signed, but no stop file of this portal")
    stopped = {}
    for line in lines[4:]:
        key, space, epoch = line.partition(" ")
        if not key or not space or not epoch.isdigit():
            raise ValueError("a line is not one stopped key and its epoch")
        stopped[key] = int(epoch)
    return {"issuer": lines[1], "sequence": int(lines[2]), "at": lines[3], "stopped": stopped}


# Ed25519, verification only (RFC 8032 section 5.1). Standard Python has none.
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
ROOT_OF_MINUS_ONE = 19681161376707505956807079304988542015446066515923890162744021073123829784752


def recover(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def add(one, two):
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed25519(public, message, signature):
    """True when signature is one by public over message. Small-order keys and S >= L are refused."""
    import hashlib

    if len(public) != 32 or len(signature) != 64:
        return False
    whole = int.from_bytes(public, "little")
    key = recover(whole & (1 << 255) - 1, whole >> 255)
    s = int.from_bytes(signature[32:], "little")
    if key is None or s >= ORDER or encode(times(8, key)) == encode((0, 1, 1, 0)):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    base = recover(4 * pow(5, P - 2, P) % P, 0)
    minus = (P - key[0], key[1], 1, P - key[3])
    return encode(add(times(s, base), times(k, minus))) == signature[:32]


def stopfile(arguments):
    """What the stop file says. Status 0: it verifies (it may stop others); 1: it does not, or it stops this agent."""
    if arguments != ["verify"]:
        raise CouldNotAsk("Write `stopfile verify`. Nothing was read.")
    if not stop_place():
        raise CouldNotAsk("BAILIWICK_STOP_FILE is not set.")
    stops = read_stops(time.monotonic() + ANSWER_SECONDS)
    if stops is None:
        print("There is no stop file at %s." % stop_place())
        return ALLOWED
    print("issuer    %s\nsequence  %d\nissued    %s" % (stops["issuer"], stops["sequence"], stops["at"]))
    for key, epoch in stops["stopped"].items():
        print("stopped   %s (epoch %d)" % (key, epoch))
    if not stops["stopped"]:
        print("nothing is stopped")
    refuse_if_stopped(time.monotonic() + ANSWER_SECONDS, stated({}), session_of({}))
    return ALLOWED


# --- fingerprint: what the agent of a checkout is made of ----------------------------------------------------

MEMBERS = ("model", "prompt", "tools", "mcp_servers", "hooks")
PROMPTS = ("CLAUDE.md", "AGENTS.md", "GEMINI.md", ".github/copilot-instructions.md")
PROMPT_FOLDERS = (".claude", ".cursor/rules")


def show_fingerprint(arguments):
    options, words = parse(arguments, values=("members", "folder", "model"))
    members = options["members"].split(",") if "members" in options else None
    parts, fingerprint = composition(options.get("folder", "."), options.get("model"), members)
    print(json.dumps({"composition": parts, "fingerprint": fingerprint}, indent=2, ensure_ascii=False))
    return ALLOWED


def composition(folder, model=None, members=None):
    """The parts and their fingerprint: SHA-256 of the canonical JSON (RFC 8785) of the members that are pinned.

    BAILIWICK_FINGERPRINT_MEMBERS names the members that the policy pins; without it, all that are there.
    """
    import hashlib

    members = members or [one for one in os.environ.get("BAILIWICK_FINGERPRINT_MEMBERS", "").split(",") if one]
    unknown = sorted(set(members) - set(MEMBERS))
    if unknown:
        raise CouldNotAsk("%s is not part of a composition: %s." % (unknown[0], ", ".join(MEMBERS)))
    settings = json_file(os.path.join(folder, ".claude", "settings.json"))
    servers = json_file(os.path.join(folder, ".mcp.json")).get("mcpServers")
    permissions = settings.get("permissions")
    allowed = permissions.get("allow") if isinstance(permissions, dict) else None
    parts = {
        "model": model or os.environ.get("BAILIWICK_MODEL") or settings.get("model") or "",
        "prompt": prompt_of(folder),
        "tools": sorted({str(tool) for tool in allowed}) if isinstance(allowed, list) else [],
        "mcp_servers": sorted("%s %s" % (name, short(what)) for name, what in servers.items())
        if isinstance(servers, dict) else [],
        "hooks": hooks_of(settings.get("hooks")),
    }
    parts = {name: parts[name] for name in MEMBERS if (name in members if members else parts[name] != "")}
    if any("\0" in text for part in parts.values() for text in ([part] if isinstance(part, str) else part)):
        raise CouldNotAsk("A part of the composition holds a NUL character. There is no fingerprint.")
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return parts, hashlib.sha256(text.encode()).hexdigest()


def json_file(path):
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as fault:
        raise CouldNotAsk("%s cannot be read: %s. There is no fingerprint." % (path, fault)) from None
    if not isinstance(document, dict):
        raise CouldNotAsk("%s is not a JSON object. There is no fingerprint." % path)
    return document


def short(value):
    """A digest of a definition: it may hold secrets, and a change of it must show."""
    import hashlib

    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def prompt_of(folder):
    """One digest over the standing instructions: their paths and contents, in the order of the paths."""
    import hashlib

    paths = [name for name in PROMPTS if os.path.isfile(os.path.join(folder, name))]
    for place in PROMPT_FOLDERS:
        for root, folders, names in os.walk(os.path.join(folder, place)):
            folders.sort()
            paths += [os.path.relpath(os.path.join(root, name), folder).replace(os.sep, "/")
                      for name in names if name.endswith((".md", ".mdc"))]
    whole = hashlib.sha256()
    for path in sorted(paths):
        with open(os.path.join(folder, path), "rb") as file:
            whole.update(("%s  %s\n" % (hashlib.sha256(file.read()).hexdigest(), path)).encode())
    return "sha256:" + whole.hexdigest() if paths else ""


def hooks_of(hooks):
    """Each hook as its event, matcher, and where it goes with a digest of the whole."""
    found = []
    for event, entries in hooks.items() if isinstance(hooks, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            for one in entry.get("hooks", ()) if isinstance(entry, dict) else ():
                goes = one.get("command") or one.get("url") or one.get("type") if isinstance(one, dict) else ""
                found.append("%s %s %s %s" % (event, entry.get("matcher", "*"), str(goes)[:200], short(one)))
    return sorted(found)


def report_policy(arguments):
    """Post the committed policy file, so that a drift between it and the portal shows. Changes nothing there."""
    options, words = parse(arguments, values=("file", "commit", "repository"), positional=True)
    if len(words) != 1:
        raise CouldNotAsk("Name the agent: report-policy <slug or id>.")
    path = options.get("file", ".bailiwick.yml")
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_ANSWER).decode("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise CouldNotAsk("%s cannot be read: %s. Nothing was reported." % (path, fault)) from None
    body = {"text": content, "path": path, "repository": stated(options).get("repository", ""),
            "commit": options.get("commit") or os.environ.get("GITHUB_SHA", "")}
    for name, value in body.items():
        if not value:
            raise CouldNotAsk("The %s is not known; state it. Nothing was reported." % name)
    status, answer = ask("POST", "/api/v1/agents/%s/policy-file" % words[0], json.dumps(body).encode(),
                         time.monotonic() + ANSWER_SECONDS, {})
    if not 200 <= status < 300:
        raise CouldNotAsk(said(answer, "The portal did not take the file (status %d)." % status))
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    return ALLOWED


# --- what is stated, and how it is asked ---------------------------------------------------------------------

def parse(arguments, values=(), flags=(), positional=False):
    """Options as --name value or --name=value, then -- and words. Anything unknown is refused, never ignored."""
    options, place = {}, 0
    while place < len(arguments) and arguments[place] != "--":
        word = arguments[place]
        name, equals, value = word[2:].partition("=")
        name = name.replace("-", "_")
        if not word.startswith("--") and positional:
            return options, arguments[place:]
        if word.startswith("--") and name in flags and not equals:
            options[name] = True
        elif word.startswith("--") and name in values and (equals or place + 1 < len(arguments)):
            place += 0 if equals else 1
            options[name] = value if equals else arguments[place]
        else:
            raise CouldNotAsk("%s is not understood. Nothing was asked." % word)
        place += 1
    return options, arguments[place + 1:]


def number(text, name):
    if not text.isascii() or not text.isdigit():
        raise CouldNotAsk("%s must be a whole number, not %r. Nothing was asked." % (name, text))
    return int(text)


def stated(options):
    """What the options, else BAILIWICK_*, else GitHub Actions say about the call."""
    facts = {}
    for name, elsewhere in FACTS.items():
        value = options.get(name) if isinstance(options.get(name), str) else None
        for variable in ("BAILIWICK_" + name.upper(), *elsewhere.split()):
            value = value or os.environ.get(variable, "").strip()
        if value:
            facts[name] = number(value, name) if name in NUMBERS else value
    return facts


def with_head(facts, folder):
    """What is stated, with the commit of the checkout that holds ``folder`` where none was and it can be told."""
    head = "" if "head" in facts else head_of(folder, facts.get("branch", ""))
    return {**facts, "head": head} if head else facts


def head_of(folder, branch):
    """The commit that a checkout stands at, read from its .git alone; empty when that cannot be told.

    A checkout that stands on another branch than the stated one, or on none, says nothing about the stated one.
    """
    try:
        git = git_folder(os.path.abspath(folder))
        if not git:
            return ""
        ref = first_line(os.path.join(git, "HEAD"))
        if not ref.startswith("ref:"):
            return ref if is_commit(ref) and not branch else ""
        ref = ref[4:].strip()
        plain = branch[11:] if branch.startswith("refs/heads/") else branch
        if not ref.startswith("refs/heads/") or ".." in ref or (plain and ref != "refs/heads/" + plain):
            return ""
        shared = first_line(os.path.join(git, "commondir"))
        shared = os.path.join(git, shared) if shared else git
        found = first_line(os.path.join(shared, *ref.split("/"))) or packed(os.path.join(shared, "packed-refs"), ref)
        return found if is_commit(found) else ""
    except (OSError, ValueError):
        return ""


def git_folder(folder):
    """The .git that a folder belongs to; in a worktree it is a file that names the folder."""
    while True:
        place = os.path.join(folder, ".git")
        if os.path.isdir(place):
            return place
        named = first_line(place)
        if named:
            return os.path.join(folder, named[7:].strip()) if named.startswith("gitdir:") else ""
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return ""


def first_line(path):
    """The first line of a small file, empty when there is none. Nothing but a file is opened: a pipe would hang."""
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.readline(4096).strip()


def packed(path, ref):
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as file:
        for line in file:
            commit, _, name = line.rstrip("\n").partition(" ")
            if name == ref:
                return commit
    return ""


def is_commit(text):
    return len(text) in (40, 64) and not text.strip("0123456789abcdef")


def session_of(options):
    """One run of the agent: what an approval is tied to. Repeating the step in the same run keeps it."""
    env = os.environ.get
    if options.get("session") or env("BAILIWICK_SESSION"):
        return options.get("session") or env("BAILIWICK_SESSION")
    if env("GITHUB_RUN_ID"):
        return "github-%s-%s-%s" % (env("GITHUB_RUN_ID"), env("GITHUB_RUN_ATTEMPT", "1"), env("GITHUB_JOB", ""))
    if env("CI_JOB_ID"):
        return "gitlab-%s" % env("CI_JOB_ID")
    return "%s-%d" % (socket.gethostname(), os.getppid())


def headers_of(facts):
    return {"Bailiwick-" + fact.replace("_", "-").title(): str(value) for fact, value in facts.items()}


def said(answer, otherwise):
    """The portal's own sentence, when it gave one."""
    for member in ("detail", "sentence"):
        if isinstance(answer, dict) and isinstance(answer.get(member), str) and answer[member]:
            return answer[member]
    return otherwise


def ask(method, path, body, deadline, headers):
    """Ask the portal with the agent's credential: its status, and the JSON it sent (None when it is none)."""
    base, token = os.environ.get("BAILIWICK_URL", "").rstrip("/"), os.environ.get("BAILIWICK_TOKEN", "").strip()
    if not base or not token:
        raise CouldNotAsk("BAILIWICK_URL and BAILIWICK_TOKEN must be set. Nothing was allowed.")
    headers = {"Authorization": "Bearer " + token, "User-Agent": "bailiwick-shim/" + VERSION, **headers}
    try:
        status, content = exchange(method, base + path, headers, body, deadline)
    except (OSError, ValueError) as fault:
        raise CouldNotAsk("The portal gave no answer (%s). Nothing was allowed." % (str(fault) or type(fault).__name__)
                          ) from None
    try:
        return status, json.loads(content)
    except (ValueError, RecursionError):
        return status, None


def exchange(method, url, headers, body, deadline):
    """One HTTP/1.1 exchange on a connection of its own: status and body. No redirects, no proxy, no cookies.

    Written out because http.client costs as much time to import as all the rest, and because its time limit is
    for each read: a portal that sends a byte a second would hold the agent for ever. Raises OSError, ValueError.
    """
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    host, port = split_host(authority, 443 if scheme == "https" else 80)
    if scheme not in ("http", "https") or not host:
        raise ValueError("%s is not an address that begins with https://" % url[:100])
    if scheme == "http" and host not in ("127.0.0.1", "localhost", "::1") and not os.environ.get("BAILIWICK_ALLOW_HTTP"):
        raise ValueError("%s is not https, and the credential would travel in clear" % authority)
    lines = ["%s /%s HTTP/1.1" % (method, path), "Host: " + authority, "Connection: close", "Accept: application/json"]
    if body is not None:
        lines += ["Content-Type: application/json", "Content-Length: %d" % len(body)]
    lines += ["%s: %s" % pair for pair in headers.items()]
    head = "\r\n".join(lines)
    if any(ord(character) < 32 for line in lines for character in line) or " " in path:
        raise ValueError("a value that is stated holds a control character")
    with connect(scheme, host, port, deadline) as sock:
        send(sock, head.encode("utf-8") + b"\r\n\r\n" + (body or b""), deadline)
        return answer_of(sock, deadline)


def split_host(authority, default):
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port[1:]
    else:
        host, _, port = authority.partition(":")
    if "@" in authority or (port and not port.isdigit()):
        raise ValueError("%s is not a host and a port" % authority[:100])
    return host, int(port) if port else default


def connect(scheme, host, port, deadline):
    sock = socket.create_connection((host, port), timeout=left(deadline))
    if scheme == "http":
        return sock
    import ssl

    context = ssl.create_default_context(cafile=os.environ.get("BAILIWICK_CA_FILE") or None)
    sock.settimeout(left(deadline))
    return context.wrap_socket(sock, server_hostname=host)


def left(deadline):
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("it did not answer in time")
    return seconds


def send(sock, data, deadline):
    sock.settimeout(left(deadline))
    try:
        sock.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it may have answered before it had read all: the answer says why


def answer_of(sock, deadline):
    """Status and body of one response, whole. A body that ends early is no answer."""
    data = b""

    def more():
        sock.settimeout(left(deadline))
        piece = sock.recv(65536)
        if len(data) + len(piece) > MOST_ANSWER:
            raise ValueError("its answer is too large")
        return piece

    while True:
        while b"\r\n\r\n" not in data:
            piece = more()
            if not piece:
                raise ValueError("it closed the connection without an answer")
            data += piece
        head, _, data = data.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ValueError("it does not speak HTTP")
        if rest[0] != "1":
            break
    headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    length = headers.get("content-length")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        length, finished = None, lambda: data.endswith(b"0\r\n\r\n") and unchunked(data) is not None
    elif length is not None:
        if not length.isdigit() or int(length) > MOST_ANSWER:
            raise ValueError("its answer has no usable length")
        finished = lambda: len(data) >= int(length)  # noqa: E731
    else:
        finished = lambda: False  # noqa: E731  until it closes
    ended = False
    while not finished() and not ended:
        piece = more()
        ended, data = not piece, data + piece
    if headers.get("transfer-encoding", "").lower() == "chunked":
        data = unchunked(data)
        if data is None:
            raise ValueError("its answer ended early")
    elif length is not None and len(data) < int(length):
        raise ValueError("its answer ended early")
    return int(rest[:3]), data if length is None else data[:int(length)]


def unchunked(data):
    """The body of a chunked answer, None while it is not whole."""
    body = b""
    while True:
        size, newline, data = data.partition(b"\r\n")
        size = size.split(b";")[0].strip()
        if not newline or not size or size.strip(b"0123456789abcdefABCDEF"):
            return None
        count = int(size, 16)
        if count == 0:
            return body
        if len(data) < count + 2:
            return None
        body, data = body + data[:count], data[count + 2:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
