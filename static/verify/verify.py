#!/usr/bin/env python3
"""Verifies a Bailiwick audit package offline. Needs Python 3.8 or later and nothing else.

    python3 verify.py package.zip [--key VKEY] [--package-key VKEY] [--previous FILE] [--json]

Exit status: 0 genuine, 1 not genuine (one "file: reason" line each), 2 wrong usage. The format and every check
are specified in docs/verify.md of the project. This file shares no code with the portal that writes packages,
on purpose: do not import the portal here. Take it from the project, not from the package you want to verify.
"""

import argparse
import base64
import gc
import hashlib
import io
import json
import os
import re
import struct
import sys
import zlib
from collections import namedtuple

FORMAT = "bailiwick-package/1"
ENTRIES, CSV, SHOWN = "entries.jsonl", "entries.csv", "disclosures.jsonl"
LEAVES, RANGE, CONSISTENCY = "proofs/leaves.txt", "proofs/range.json", "proofs/consistency.json"
CHECKPOINT, LOG_KEY, PACKAGE_KEY = "checkpoint.txt", "keys/log.vkey", "keys/package.vkey"
MANIFEST, SIGNATURE, SUMMARY = "manifest.json", "manifest.sig", "summary.json"
REQUIRED = {ENTRIES, CSV, SHOWN, LEAVES, RANGE, CONSISTENCY, CHECKPOINT, LOG_KEY, PACKAGE_KEY, MANIFEST, SIGNATURE,
            "report.pdf", "verify.py", "README.txt"}
POLICY = re.compile(
    r"policy/(organisation|(?:team-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-r([1-9][0-9]{0,8})\.json\Z"
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z").match
TIME = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:"
                  r"[0-5][0-9]\.[0-9]{6}Z\Z").match
HASH = re.compile(r"[0-9a-f]{64}\Z").match
MAX_LINE, MAX_SMALL, MAX_MEMBERS, PIECE, SHOW = 4 << 20, 16 << 20, 10000, 1 << 20, 50
SAFE = (1 << 53) - 1
sha256 = hashlib.sha256


class Refused(Exception):
    """Something that ends a stage of the verification: the file, and why."""

    def __init__(self, file, reason):
        super().__init__("%s: %s" % (file, reason))
        self.file, self.reason = file, reason


class Report:
    """What was found: failures, and facts for the summary."""

    def __init__(self):
        self.failures, self.facts, self.more = [], {}, 0

    def fail(self, file, reason):
        if len(self.failures) < SHOW:
            self.failures.append((file, reason))
        else:
            self.more += 1


# --- JSON in the RFC 8785 profile: no floats, integers below 2^53, no NUL ------------------------------------

def _no_float(text):
    raise ValueError("the number %s is outside the profile" % text[:40])


def _integer(text):
    if len(text) > 17 or not -SAFE <= int(text) <= SAFE:
        _no_float(text)
    return int(text)


_scan = json.JSONDecoder(parse_float=_no_float, parse_int=_integer, parse_constant=_no_float).scan_once
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
if json.encoder.c_make_encoder and json.encoder.c_encode_basestring:
    # What JSONEncoder.encode() builds anew for every call, built once: half the time of a large package.
    _chunks = json.encoder.c_make_encoder(None, _encoder.default, json.encoder.c_encode_basestring, None, ":", ",",
                                          True, False, False)

    def _write(value):
        return "".join(_chunks(value, 0))
else:
    _write = _encoder.encode
# Code points and UTF-16 units sort alike unless text has both a character in E000..FFFF and one beyond.
_order_may_differ = re.compile("[\ue000-\uffff].*[\U00010000-\U0010ffff]|[\U00010000-\U0010ffff].*[\ue000-\uffff]",
                               re.DOTALL).search
_nul = re.compile(r"(?<!\\)(?:\\\\)*\\u0000").search


def write(value):
    """The RFC 8785 text of a value that came out of parse()."""
    text = _write(value)
    return text if text.isascii() or not _order_may_differ(text) else canonical(value)


def canonical(value):
    """write() by the letter, with keys in UTF-16 order."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{%s}" % ",".join(_write(key) + ":" + canonical(value[key]) for key in keys)
    if isinstance(value, list):
        return "[%s]" % ",".join(canonical(item) for item in value)
    return _write(value)


def parse(data):
    """The value of canonical bytes; ValueError for every other spelling, duplicate keys included."""
    text = data.decode("utf-8")
    try:
        value, end = _scan(text, 0)
        again = write(value)
    except StopIteration:
        raise ValueError("not JSON") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if end != len(text) or again != text:
        raise ValueError("not in canonical form (RFC 8785)")
    if "\\u0000" in text and _nul(text):
        raise ValueError("NUL in text")
    return value


# --- Ed25519 (RFC 8032 section 5.1), verification only -------------------------------------------------------

P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _recover(y, sign):
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


def _add(one, two):
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result


def _encode(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = _recover(4 * pow(5, P - 2, P) % P, 0)
IDENTITY = _encode((0, 1, 1, 0))


def ed25519(public, message, signature):
    """True when signature is one by public over message. Small-order keys and S >= L are refused."""
    if len(public) != 32 or len(signature) != 64:
        return False
    number = int.from_bytes(public, "little")
    key = _recover(number & (1 << 255) - 1, number >> 255)
    s = int.from_bytes(signature[32:], "little")
    if key is None or s >= ORDER or _encode(_times(8, key)) == IDENTITY:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    minus = (P - key[0], key[1], 1, P - key[3])
    return _encode(_add(_times(s, BASE), _times(k, minus))) == signature[:32]


# --- Signed notes and checkpoints (C2SP) ---------------------------------------------------------------------

Key = namedtuple("Key", "name id public vkey")


def unbase64(text):
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data


def read_key(vkey):
    name, _, rest = vkey.partition("+")
    key_id, _, material = rest.partition("+")
    data = unbase64(material)
    if not name or re.search(r"[\s+\x00-\x1f]", name) or len(data) != 33 or data[:1] != b"\x01":
        raise ValueError("not an Ed25519 key of the form name+id+base64")
    if sha256(name.encode() + b"\n" + data).hexdigest()[:8] != key_id:
        raise ValueError("the key's id does not belong to it")
    return Key(name, bytes.fromhex(key_id), data[1:], vkey)


def fingerprint(key):
    digest = sha256(key.public).hexdigest()
    return " ".join(digest[place:place + 8] for place in range(0, 64, 8))


def open_note(data, keys):
    """The text of a note signed by one of keys; ValueError otherwise. Returns (text, key)."""
    whole = data.decode("utf-8")
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", whole):
        raise ValueError("not a signed note")
    text, by = text + "\n", None
    lines = tail[:-1].split("\n")
    if len(lines) > 100:
        raise ValueError("too many signatures")
    for line in lines:
        match = re.match("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)\\Z", line)
        if not match:
            raise ValueError("a malformed signature line")
        signature = unbase64(match.group(2))
        for key in keys:
            if (key.name, key.id) == (match.group(1), signature[:4]):
                if not ed25519(key.public, text.encode(), signature[4:]):
                    raise ValueError("the signature of %s is wrong" % key.name)
                by = by or key
    if by is None:
        raise ValueError("not signed by the expected key")
    return text, by


Checkpoint = namedtuple("Checkpoint", "origin size root")


def read_checkpoint(data, keys):
    text, key = open_note(data, keys)
    lines = text.split("\n")
    if lines.pop() or len(lines) < 3 or not all(lines) or not re.match(r"(?:0|[1-9][0-9]{0,18})\Z", lines[1]):
        raise ValueError("not a checkpoint")
    root = unbase64(lines[2])
    if len(root) != 32 or lines[0] != key.name:
        raise ValueError("not a checkpoint signed in the name of its own log")
    return Checkpoint(lines[0], int(lines[1]), root)


# --- Merkle tree (RFC 9162 section 2.1) ----------------------------------------------------------------------

def node(left, right):
    return sha256(b"\x01" + left + right).digest()


def peaks_root(peaks):
    """The root of the tree whose perfect subtrees are peaks: [(height, hash)], left to right."""
    result = peaks[-1][1]
    for _, left in reversed(peaks[:-1]):
        result = node(left, result)
    return result


def push(peaks, height, value):
    while peaks and peaks[-1][0] == height:
        value, height = node(peaks.pop()[1], value), height + 1
    peaks.append((height, value))


def heights(first, end):
    """Heights of the largest aligned perfect subtrees that make up [first, end), in order."""
    result = []
    while first < end:
        height = (end - first).bit_length() - 1
        if first:
            height = min(height, (first & -first).bit_length() - 1)
        result.append(height)
        first += 1 << height
    return result


def consistent(m, n, path, old_root, new_root):
    """RFC 9162 section 2.1.4.2; an empty older tree proves nothing."""
    if not 0 < m <= n:
        return False
    if m == n:
        return not path and old_root == new_root
    path = ([old_root] if m & (m - 1) == 0 else []) + list(path)
    if not path:
        return False
    fn, sn = m - 1, n - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for sibling in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(sibling, fr), node(sibling, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, sibling)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


# --- The ZIP, byte for byte ----------------------------------------------------------------------------------

LIMIT = 0x7FFFFFFF
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*\Z").match
Member = namedtuple("Member", "name crc size offset start")


def local_header(name, crc, size):
    extra = struct.pack("<HHQQ", 1, 16, size, size) if size > LIMIT else b""
    shown = 0xFFFFFFFF if extra else size
    return struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 45 if extra else 20, 0, 0, 0, 33, crc, shown, shown,
                       len(name), len(extra)) + name + extra


def central_header(name, crc, size, offset):
    extra = struct.pack("<QQ", size, size) if size > LIMIT else b""
    extra += struct.pack("<Q", offset) if offset > LIMIT else b""
    version = 45 if extra else 20
    if extra:
        extra = struct.pack("<HH", 1, len(extra)) + extra
    shown = 0xFFFFFFFF if size > LIMIT else size
    return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 0x300 | version, version, 0, 0, 0, 33, crc, shown, shown,
                       len(name), len(extra), 0, 0, 0, 0o100644 << 16,
                       0xFFFFFFFF if offset > LIMIT else offset) + name + extra


def end_records(count, size, offset):
    records = b""
    if offset > LIMIT:
        records = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 0x32D, 45, 0, 0, count, count, size, offset)
        records += struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
    return records + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, size,
                                 0xFFFFFFFF if offset > LIMIT else offset, 0)


class Slice(io.RawIOBase):
    """A member's bytes: a window of the archive with a position of its own."""

    def __init__(self, file, start, size):
        self.file, self.at, self.end = file, start, start + size

    def readable(self):
        return True

    def readinto(self, buffer):
        self.file.seek(self.at)
        count = self.file.readinto(memoryview(buffer)[:max(0, self.end - self.at)])
        self.at += count
        return count


class Archive:
    """A ZIP in the one layout the format allows. Every header is rebuilt and compared, so nothing hides in one."""

    def __init__(self, path):
        self.path, self.label = path, os.path.basename(os.path.normpath(path)) or path
        if not os.path.isfile(path):
            raise Refused(self.label, "a directory, not a package" if os.path.isdir(path) else "no such file")
        self.file = open(path, "rb", buffering=0)
        self.length = os.fstat(self.file.fileno()).st_size
        try:
            self.members = {member.name: member for member in self._members()}
        except BaseException:
            self.file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def _at(self, offset, count):
        self.file.seek(offset)
        data = b""
        while len(data) < count:
            piece = self.file.read(count - len(data))
            if not piece:
                raise Refused(self.label, "truncated")
            data += piece
        return data

    def _members(self):
        if self.length < 22:
            raise Refused(self.label, "not a ZIP archive: %d bytes" % self.length)
        end = self._at(self.length - 22, 22)
        if end[:4] != b"PK\x05\x06":
            raise Refused(self.label, "does not end with a ZIP end record: truncated, appended to or commented")
        count, size, offset = struct.unpack("<HII", end[10:20])
        if offset == 0xFFFFFFFF and self.length >= 98:
            offset = struct.unpack("<Q", self._at(self.length - 98 + 48, 8))[0]
        tail = end_records(count, size, offset)
        if not 0 < count <= MAX_MEMBERS or size > count * 400 or offset + size + len(tail) != self.length:
            raise Refused(self.label, "the ZIP end record does not fit the file: bytes were added or removed")
        if self._at(self.length - len(tail), len(tail)) != tail:
            raise Refused(self.label, "an unexpected byte in the ZIP end record")
        return self._directory(self._at(offset, size), count, offset)

    def _directory(self, data, count, end):
        members, at, position, seen = [], 0, 0, set()
        for _ in range(count):
            if len(data) < at + 46 or data[at:at + 4] != b"PK\x01\x02":
                raise Refused(self.label, "the ZIP directory is malformed")
            crc, _, size, name_length, extra_length = struct.unpack("<IIIHH", data[at + 16:at + 32])
            raw = data[at + 46:at + 46 + name_length]
            name = raw.decode("latin-1")
            if not NAME(name) or len(name) > 200:
                raise Refused(self.label, "the name %r is not allowed" % name)
            if name.lower() in seen or (members and name <= members[-1].name):
                raise Refused(name, "twice in the package, or out of order")
            seen.add(name.lower())
            if size == 0xFFFFFFFF and extra_length >= 12:
                size = struct.unpack("<Q", data[at + 50 + name_length:at + 58 + name_length].ljust(8, b"\0"))[0]
            header = central_header(raw, crc, size, position)
            if data[at:at + len(header)] != header:
                raise Refused(name, "an unexpected byte in its ZIP directory header")
            local = local_header(raw, crc, size)
            start = position + len(local)
            if start + size > end or self._at(position, len(local)) != local:
                raise Refused(name, "an unexpected byte in its ZIP header, or a gap before it")
            members.append(Member(name, crc, size, position, start))
            at, position = at + len(header), start + size
        if at != len(data) or position != end:
            raise Refused(self.label, "bytes between the files and the ZIP directory")
        return members

    def open(self, name):
        member = self.members[name]
        return io.BufferedReader(Slice(self.file, member.start, member.size), PIECE)

    def read(self, name):
        if self.members[name].size > MAX_SMALL:
            raise Refused(name, "larger than %d bytes" % MAX_SMALL)
        with self.open(name) as file:
            return file.read()

    def digest(self, name):
        """SHA-256 and CRC-32 of a member, read in pieces."""
        whole, crc = sha256(), 0
        with self.open(name) as file:
            for piece in iter(lambda: file.read(PIECE), b""):
                whole.update(piece)
                crc = zlib.crc32(piece, crc)
        return whole.hexdigest(), crc


# --- The package ---------------------------------------------------------------------------------------------

def require(condition, file, reason):
    if not condition:
        raise Refused(file, reason)


def guarded(file, function, *arguments):
    """function(*arguments), its ValueError (every decoding error is one) named after file."""
    try:
        return function(*arguments)
    except ValueError as error:
        raise Refused(file, str(error)) from None


def is_index(value):
    return type(value) is int and value >= 0


def read_manifest(archive):
    require(MANIFEST in archive.members and SIGNATURE in archive.members, MANIFEST, "missing, or not signed")
    manifest = guarded(MANIFEST, parse, archive.read(MANIFEST))
    require(isinstance(manifest, dict), MANIFEST, "not an object")
    found = manifest.get("format")
    require(found == FORMAT, MANIFEST, "unknown format %r: this verifier knows %s" % (found, FORMAT))
    keys = {"format", "number", "title", "period", "scope", "created_at", "origin", "checkpoint", "range", "entries",
            "files"}
    require(is_index(manifest.get("entries")), MANIFEST, "no count of entries")
    if manifest["entries"] == 0:
        require(manifest.get("empty") is True, MANIFEST, "no entries, and it does not say that it is empty")
        keys.add("empty")
    require(set(manifest) == keys, MANIFEST, "members missing or unknown: %s" % sorted(set(manifest) ^ keys))
    for name in ("number", "title", "scope", "origin"):
        require(isinstance(manifest[name], str) and manifest[name], MANIFEST, "%s is not text" % name)
    period, head, span, files = (manifest[name] for name in ("period", "checkpoint", "range", "files"))
    for value, members in ((period, {"start", "end"}), (head, {"size", "root"}), (span, {"first", "last_exclusive"})):
        require(isinstance(value, dict) and set(value) == members, MANIFEST, "malformed: %s" % sorted(members))
    times = (period["start"], period["end"], manifest["created_at"])
    require(all(isinstance(time, str) and TIME(time) for time in times), MANIFEST, "a malformed time")
    require(period["start"] < period["end"], MANIFEST, "the period ends before it starts")
    require(isinstance(head["root"], str) and HASH(head["root"]), MANIFEST, "a malformed root")
    numbers = (span["first"], span["last_exclusive"], head["size"])
    require(all(map(is_index, numbers)) and numbers == tuple(sorted(numbers)), MANIFEST, "an impossible range")
    require(head["size"] > 0, MANIFEST, "made from an empty log, which proves nothing")
    require(manifest["entries"] <= span["last_exclusive"] - span["first"], MANIFEST, "more entries than the range")
    require(isinstance(files, dict), MANIFEST, "files is not an object")
    for name, file in files.items():
        require(isinstance(file, dict) and set(file) == {"sha256", "bytes"} and is_index(file["bytes"])
                and isinstance(file["sha256"], str) and HASH(file["sha256"]), MANIFEST, "malformed: files/%s" % name)
    return manifest


def check_files(archive, manifest, report):
    listed, present = set(manifest["files"]), set(archive.members) - {MANIFEST, SIGNATURE}
    for name in sorted(listed - present):
        report.fail(name, "named in manifest.json but not in the package")
    for name in sorted(present - listed):
        report.fail(name, "not named in manifest.json")
    for name in sorted(REQUIRED - set(archive.members)):
        report.fail(name, "missing")
    for name in sorted(set(archive.members) - REQUIRED - {SUMMARY}):
        if not POLICY.match(name):
            report.fail(name, "not a file of this format")
    for name in sorted(archive.members):
        digest, crc = archive.digest(name)
        member, expected = archive.members[name], manifest["files"].get(name)
        if crc != member.crc:
            report.fail(name, "its contents do not match the ZIP checksum")
        if expected and (digest != expected["sha256"] or member.size != expected["bytes"]):
            report.fail(name, "its SHA-256 or size is not the one in manifest.json: it was changed")


def the_key(archive, name, given, report, option):
    """The key in the package, compared with the ones given; a difference is a failure, nothing given a remark."""
    data = archive.read(name)
    require(data.endswith(b"\n"), name, "does not end with a newline")
    key = guarded(name, lambda: read_key(data[:-1].decode("utf-8")))
    if given and key not in given:
        report.fail(name, "not the key given with %s" % option)
    return key


def check_manifest_signature(archive, key):
    text, _ = guarded(SIGNATURE, open_note, archive.read(SIGNATURE), [key])
    expected = "bailiwick.package/v1\n%s\n" % sha256(archive.read(MANIFEST)).hexdigest()
    require(text == expected, SIGNATURE, "signs another manifest than this one")


def check_head(archive, manifest, key):
    require(key.name == manifest["origin"], LOG_KEY, "its name is not the origin of the log")
    head = guarded(CHECKPOINT, read_checkpoint, archive.read(CHECKPOINT), [key])
    stated = (manifest["origin"], manifest["checkpoint"]["size"], bytes.fromhex(manifest["checkpoint"]["root"]))
    require(head == stated, CHECKPOINT, "its origin, size or root is not the one in manifest.json")
    return head


def hashes(values, file):
    require(isinstance(values, list) and all(isinstance(value, str) and HASH(value) for value in values), file,
            "malformed hashes")
    return [bytes.fromhex(value) for value in values]


def read_range(archive, manifest, head):
    """The subtrees left and right of the range, as [(height, hash)]."""
    document = guarded(RANGE, parse, archive.read(RANGE))
    require(isinstance(document, dict) and set(document) == {"first", "last_exclusive", "size", "left", "right"},
            RANGE, "malformed")
    first, last = manifest["range"]["first"], manifest["range"]["last_exclusive"]
    stated = [document["first"], document["last_exclusive"], document["size"]]
    require(all(map(is_index, stated)) and stated == [first, last, head.size], RANGE,
            "another range or size than in manifest.json")
    left, right = hashes(document["left"], RANGE), hashes(document["right"], RANGE)
    before, after = heights(0, first), heights(last, head.size)
    require(len(left) == len(before) and len(right) == len(after), RANGE, "the wrong number of hashes")
    return list(zip(before, left)), list(zip(after, right))


def check_consistency(archive, head, report):
    """Every earlier checkpoint in the package proven a prefix of this one: {size: root}."""
    document = guarded(CONSISTENCY, parse, archive.read(CONSISTENCY))
    require(isinstance(document, dict) and set(document) == {"size", "from"} and isinstance(document["from"], list)
            and is_index(document["size"]) and document["size"] == head.size, CONSISTENCY, "malformed")
    proven = {}
    for item in document["from"]:
        require(isinstance(item, dict) and set(item) == {"size", "root", "proof"} and is_index(item["size"]),
                CONSISTENCY, "malformed")
        require(item["size"] > max(proven, default=0), CONSISTENCY, "sizes are not ascending from 1")
        root, = hashes([item["root"]], CONSISTENCY)
        proven[item["size"]] = root
        if not consistent(item["size"], head.size, hashes(item["proof"], CONSISTENCY), root, head.root):
            report.fail(CONSISTENCY, "the log of size %d is not a prefix of this one" % item["size"])
    return proven


MEMBERS = {"v", "id", "type", "tv", "occurred_at", "recorded_at", "actor", "agent", "run", "source", "counter", "data",
           "commitments"}


def entry_problem(entry):
    """Why a parsed line is not an entry of this format; None when it is one."""
    if type(entry) is not dict or entry.keys() != MEMBERS:
        return "not an entry: members missing or unknown"
    if type(entry["v"]) is not int or entry["v"] != 1:
        return "unknown entry format version"
    actor, agent, run, counter = entry["actor"], entry["agent"], entry["run"], entry["counter"]
    for name in ("id", "type", "occurred_at", "recorded_at", "source"):
        if type(entry[name]) is not str or not entry[name]:
            return "%s is not text" % name
    if not UUID(entry["id"]) or not TIME(entry["occurred_at"]) or not TIME(entry["recorded_at"]):
        return "a malformed id or time"
    if type(entry["tv"]) is not int or entry["tv"] < 1 or not (counter is None or type(counter) is int):
        return "a malformed type version or counter"
    if (type(actor) is not dict or actor.keys() != {"kind", "id"} or type(actor["id"]) is not str
            or actor["kind"] not in ("person", "agent", "system")):
        return "a malformed actor"
    for value in (agent, run):
        if value is not None and (type(value) is not str or not UUID(value)):
            return "a malformed agent or run"
    if type(entry["data"]) is not dict or type(entry["commitments"]) is not dict:
        return "malformed data or commitments"
    for value in entry["commitments"].values():
        if type(value) is not str or not HASH(value):
            return "a malformed commitment"
    return None


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


CSV_HEADER = (b'"index","recorded_at","occurred_at","type","actor_kind","actor_id","agent","run","source","id",'
              b'"leaf_hash"\r\n')


def cell(text):
    return ("'" + text if text.startswith(FORMULA) else text).replace('"', '""')


def csv_line(index, entry, leaf):
    """Only type, actor id and source are free text: the rest was matched against a pattern before."""
    actor = entry["actor"]
    return ('"%d","%s","%s","%s","%s","%s","%s","%s","%s","%s","%s"\r\n' % (
        index, entry["recorded_at"], entry["occurred_at"], cell(entry["type"]), actor["kind"], cell(actor["id"]),
        entry["agent"] or "", entry["run"] or "", cell(entry["source"]), entry["id"], leaf)).encode("utf-8")


SHOWN_MEMBERS = {"index", "field", "salt", "value"}


class Disclosures:
    """Reads disclosures.jsonl beside the entries, one line ahead."""

    def __init__(self, file, report):
        self.file, self.report, self.number, self.last, self.item = file, report, 0, (-1, ""), None
        self.next()

    def next(self):
        line = self.file.readline(MAX_LINE)
        if not line:
            self.item = None
            return
        self.number += 1
        if line[-1:] != b"\n":
            self.refuse("too long, or without a newline")
        try:
            item = parse(line[:-1])
        except ValueError as error:
            self.refuse(str(error))
        if (type(item) is not dict or item.keys() != SHOWN_MEMBERS or not is_index(item["index"])
                or type(item["field"]) is not str or type(item["salt"]) is not str):
            self.refuse("malformed")
        place = (item["index"], item["field"])
        if place <= self.last:
            self.refuse("twice, or out of order")
        self.last, self.item = place, item

    def refuse(self, reason):
        raise Refused(SHOWN, "line %d: %s" % (self.number, reason)) from None

    def open_for(self, index, commitments):
        """Check the disclosures of one entry; returns how many there were."""
        count = 0
        while self.item and self.item["index"] <= index:
            item = self.item
            expected = commitments.get(item["field"]) if item["index"] == index else None
            if expected is None or commit(item) != expected:
                reason = ("belongs to no commitment of an entry in the package" if expected is None else
                          "value or salt of %r is not what the entry commits to" % item["field"])
                self.report.fail(SHOWN, "line %d (index %d): %s" % (self.number, item["index"], reason))
            count += 1
            self.next()
        return count


def commit(item):
    try:
        field, salt = item["field"].encode("utf-8"), unbase64(item["salt"])
    except ValueError:
        return None
    if len(salt) != 32 or not 0 < len(field) < 65536:
        return None
    value = write(item["value"]).encode("utf-8")
    return sha256(b"".join((b"bailiwick/commitment/v1\x00", struct.pack(">H", len(field)), field, salt, value))).hexdigest()


class Evidence:
    """One pass over the leaves of the range, and beside them entries, CSV and disclosures. Memory: the ids."""

    def __init__(self, archive, manifest, report):
        self.manifest, self.report, self.span = manifest, report, manifest["range"]
        self.leaves, self.entries, self.csv = archive.open(LEAVES), archive.open(ENTRIES), archive.open(CSV)
        self.disclosures = Disclosures(archive.open(SHOWN), report)
        self.ids, self.types, self.policies = set(), {}, {}
        self.count = self.opened = self.committed = 0
        self.start, self.end = manifest["period"]["start"], manifest["period"]["end"]
        self.csv_good = self.csv.read(len(CSV_HEADER)) == CSV_HEADER

    def walk(self, peaks, watch):
        """Feed every leaf of the range to peaks; returns the root that the tree had at size watch, or None."""
        first, last = self.span["first"], self.span["last_exclusive"]
        shape = re.compile(rb"([0-9]{1,19}) ([0-9a-f]{64}) (entry|other)\n\Z").match
        readline, seen = self.leaves.readline, None
        for index in range(first, last):
            if index == watch and peaks:
                seen = peaks_root(peaks)
            match = shape(readline(200))
            if not match or match.group(1) != b"%d" % index:
                raise Refused(LEAVES, "line %d is not the one of index %d" % (index - first + 1, index))
            leaf = match.group(2).decode()
            if match.group(3) == b"entry":
                self.entry(index, leaf)
            push(peaks, 0, bytes.fromhex(leaf))
        require(not self.leaves.read(1), LEAVES, "lines after the end of the range")
        require(not self.entries.read(1), ENTRIES, "lines that proofs/leaves.txt does not name")
        self.opened += self.disclosures.open_for(last, {})
        require(self.disclosures.item is None, SHOWN, "a disclosure outside the range")
        if not self.csv_good or self.csv.read(1):
            self.report.fail(CSV, "does not agree with entries.jsonl")
        if self.count != self.manifest["entries"]:
            self.report.fail(ENTRIES, "%d entries, manifest.json says %d" % (self.count, self.manifest["entries"]))
        return peaks_root(peaks) if last == watch and peaks else seen

    def where(self, index, reason):
        return "line %d (index %d): %s" % (self.count, index, reason)

    def entry(self, index, leaf):
        self.count += 1
        line = self.entries.readline(MAX_LINE)
        if line[-1:] != b"\n":
            raise Refused(ENTRIES, self.where(index, "missing, too long, or without a newline"))
        data = line[:-1]
        if sha256(b"\x00" + data).hexdigest() != leaf:
            self.report.fail(ENTRIES, self.where(index, "its hash is not the leaf hash in proofs/leaves.txt"))
        try:
            entry = parse(data)
        except ValueError as error:
            raise Refused(ENTRIES, self.where(index, str(error))) from None
        problem = entry_problem(entry)
        if problem:
            raise Refused(ENTRIES, self.where(index, problem))
        if not self.start <= entry["recorded_at"] < self.end:
            self.report.fail(ENTRIES, self.where(index, "recorded at %s, outside the period" % entry["recorded_at"]))
        identity = bytes.fromhex(entry["id"].replace("-", ""))
        if identity in self.ids:
            self.report.fail(ENTRIES, self.where(index, "the id %s is there twice" % entry["id"]))
        self.ids.add(identity)
        self.types[entry["type"]] = self.types.get(entry["type"], 0) + 1
        commitments = entry["commitments"]
        self.committed += len(commitments)
        self.opened += self.disclosures.open_for(index, commitments)
        self.note_policy(entry, index)
        if self.csv_good:
            expected = csv_line(index, entry, leaf)
            self.csv_good = self.csv.read(len(expected)) == expected

    def note_policy(self, entry, index):
        data = entry["data"]
        named, number = [(entry["agent"], data.get("policy_digest"))], data.get("revision")
        if entry["type"] == "registry.policy.revised":
            team = data.get("team")
            whose = entry["agent"] or ("team-%s" % team if data.get("level") == "team" else data.get("level"))
            named.append((whose, data.get("digest")))
        for subject, digest in named:
            if isinstance(subject, str) and isinstance(digest, str) and type(number) is int:
                if self.policies.setdefault((subject, number), digest) != digest:
                    self.report.fail(
                        ENTRIES, self.where(index, "another digest for policy revision %d than before" % number)
                    )


def check_policies(archive, policies, report):
    """Policy snapshots against the digests that entries name. Returns (matched, not named, not included)."""
    matched = unnamed = 0
    for name in sorted(archive.members):
        match = POLICY.match(name)
        if not match:
            continue
        guarded(name, parse, archive.read(name))
        named = policies.get((match.group(1), int(match.group(2))))
        if named is None:
            unnamed += 1
        elif named != archive.digest(name)[0]:
            report.fail(name, "not the policy whose digest the entries name")
        else:
            matched += 1
    return matched, unnamed, len(policies) - matched


def read_previous(path, keys):
    """The checkpoint of an older package, or of a file that holds one."""
    label = os.path.basename(path)
    require(os.path.isfile(path), label, "no such file")
    with open(path, "rb") as file:
        data = file.read(1000001)
    if data[:2] == b"PK":
        with Archive(path) as older:
            require(CHECKPOINT in older.members, label, "no checkpoint.txt in it")
            data = older.read(CHECKPOINT)
    require(len(data) <= 1000000, label, "too large for a checkpoint")
    return guarded(label, read_checkpoint, data, keys)


def compare_previous(label, previous, head, seen, proven, report):
    if previous.origin != head.origin:
        report.fail(label, "a checkpoint of another log: %s" % previous.origin)
    elif previous.size == 0:
        report.fail(label, "a checkpoint of an empty log, which proves nothing")
    elif previous.size > head.size:
        report.fail(label, "larger than the log in this package: this one is older, or the log was cut")
    else:
        root = head.root if previous.size == head.size else proven.get(previous.size, seen)
        if root is None:
            report.fail(label, "nothing in the package connects it with a log of size %d" % previous.size)
        elif root != previous.root:
            report.fail(label, "the log was rewritten: at size %d it had another root" % previous.size)
        else:
            report.facts["previous"] = "the log of size %d is a prefix of this one" % previous.size


def verify(path, keys, package_keys, previous_path, report):
    with Archive(path) as archive:
        verify_archive(archive, keys, package_keys, previous_path, report)


def verify_archive(archive, keys, package_keys, previous_path, report):
    manifest = read_manifest(archive)
    facts = report.facts
    facts.update((name, manifest[name]) for name in ("number", "title", "period", "scope", "origin", "entries"))
    check_files(archive, manifest, report)
    if not REQUIRED <= set(archive.members):
        return
    package_key = the_key(archive, PACKAGE_KEY, package_keys, report, "--package-key")
    log_key = the_key(archive, LOG_KEY, keys, report, "--key")
    facts["log_key"], facts["package_key"] = log_key.vkey, package_key.vkey
    facts["fingerprints"] = {"log": fingerprint(log_key), "package": fingerprint(package_key)}
    facts["compared"] = {"log": bool(keys), "package": bool(package_keys)}
    check_manifest_signature(archive, package_key)
    head = check_head(archive, manifest, log_key)
    facts["checkpoint"] = {"size": head.size, "root": head.root.hex()}
    facts["range"] = manifest["range"]
    peaks, right = read_range(archive, manifest, head)
    proven = check_consistency(archive, head, report)
    previous = read_previous(previous_path, (keys or []) + [log_key]) if previous_path else None
    evidence = Evidence(archive, manifest, report)
    seen = evidence.walk(peaks, previous.size if previous else -1)
    for height, value in right:
        push(peaks, height, value)
    if peaks_root(peaks) != head.root:
        report.fail(LEAVES, "these leaves with proofs/range.json do not make the root that checkpoint.txt signs")
    if previous:
        compare_previous(os.path.basename(previous_path), previous, head, seen, proven, report)
    matched, unnamed, absent = check_policies(archive, evidence.policies, report)
    facts["values"] = {"disclosed": evidence.opened, "withheld_or_erased": evidence.committed - evidence.opened}
    facts["policies"] = {"matched": matched, "named_by_no_entry": unnamed, "named_but_not_included": absent}
    if SUMMARY in archive.members:
        summary = {"entries": evidence.count, "disclosed": evidence.opened, "types": evidence.types,
                   "withheld_or_erased": evidence.committed - evidence.opened}
        if archive.read(SUMMARY) != write(summary).encode("utf-8"):
            report.fail(SUMMARY, "does not agree with the entries")


# --- The command ---------------------------------------------------------------------------------------------

def plain(text):
    """Text from the package, safe for a terminal."""
    return "".join(character if character.isprintable() else "?" for character in str(text))


def show(report):
    facts = report.facts
    for file, reason in report.failures:
        print(plain("%s: %s" % (file, reason)))
    if report.more:
        print("and %d more" % report.more)
    if report.failures:
        print("NOT GENUINE")
        return
    empty = "" if facts["entries"] else ", and EMPTY: no entry of this scope was recorded in the period"
    print(plain("GENUINE: package %s, %s%s" % (facts["number"], facts["title"], empty)))
    print(plain("  period      %(start)s to %(end)s (end excluded), " % facts["period"] + "scope %s" % facts["scope"]))
    print(plain("  log         %s, %d leaves, root %s" % (facts["origin"], facts["checkpoint"]["size"],
                                                          facts["checkpoint"]["root"])))
    print("  entries     %d, among the leaves %d to %d (end excluded)" % (
        facts["entries"], facts["range"]["first"], facts["range"]["last_exclusive"]))
    print("  values      %(disclosed)d disclosed and matching, %(withheld_or_erased)d withheld or erased"
          % facts["values"])
    print("  policies    %(matched)d match the entries, %(named_by_no_entry)d named by no entry, "
          "%(named_but_not_included)d named but not included" % facts["policies"])
    if "previous" in facts:
        print("  previous    %s" % facts["previous"])
    for role, option, file in (("log", "--key", LOG_KEY), ("package", "--package-key", PACKAGE_KEY)):
        state = "is the one given" if facts["compared"][role] else "NOT COMPARED"
        print("  %-11s %s (SHA-256 of the public key), %s" % (role + " key", facts["fingerprints"][role], state))
        if not facts["compared"][role]:
            print("              It came with the package: whoever forged one could have put it there. Compare it\n"
                  "              with the key you got another way, or give that one with %s." % option)


def key_argument(text):
    if os.path.isfile(text):
        with open(text, encoding="utf-8") as file:
            text = file.read(1000).strip()
    try:
        return read_key(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(argv=None):
    parser = argparse.ArgumentParser(prog="verify.py", description="Verify a Bailiwick audit package offline.",
                                     epilog="Exit status: 0 genuine, 1 not genuine, 2 wrong usage.")
    parser.add_argument("package", help="the package, a ZIP file")
    parser.add_argument("--key", type=key_argument, action="append", metavar="VKEY",
                        help="the log's public key as you got it another way (text, or a file with it)")
    parser.add_argument("--package-key", type=key_argument, action="append", metavar="VKEY",
                        help="the public key that signs packages")
    parser.add_argument("--previous", metavar="FILE", help="an older package or checkpoint of the same log")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(argv)
    report = Report()
    try:
        verify(options.package, options.key, options.package_key, options.previous, report)
    except Refused as refused:
        report.fail(refused.file, refused.reason)
    except Exception as error:  # whatever goes wrong here, the answer must not be "genuine"
        report.fail(os.path.basename(options.package), "could not be verified: %s %s" % (type(error).__name__, error))
    if options.json:
        failures = [{"file": file, "reason": reason} for file, reason in report.failures]
        print(json.dumps({"genuine": not failures, "failures": failures, "more_failures": report.more,
                          "facts": report.facts}, indent=2))
    else:
        show(report)
    return 1 if report.failures else 0


if __name__ == "__main__":
    gc.disable()  # a million parsed lines, none with a cycle: looking for cycles costs a tenth of the time
    sys.exit(main())
