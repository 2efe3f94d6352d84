"""The README of a package: what lies in it and how to check it, for someone who has nothing else."""

from portal.ledger.events import instant
from reports.models import Package

_TEXT = """\
Bailiwick audit package {number}
{title}

Scope    {scope}
Period   {start} up to {end}, the end excluded
Log      {origin}

HOW TO VERIFY
1. Get verify.py and the fingerprints of the two keys from the portal's owner by another way than this package.
2. Run: python3 verify.py {number}.zip        (Python 3 alone; no network)
3. Compare the fingerprints that it prints with yours. Add --previous OLDER.zip if you hold an older package.

WHAT IS HERE
report.pdf               for people; page one says what this package cannot prove
entries.jsonl            each line the canonical bytes of one entry (RFC 8785), in the order of the log
entries.csv              the same entries as a table, without their contents
disclosures.jsonl        personal values with their salts; each opens one commitment of one entry
proofs/leaves.txt        every place of the range with its leaf hash: "entry" is enclosed, "other" is out of scope
proofs/range.json        what surrounds the range, enough to recompute the root that the checkpoint signs
proofs/consistency.json  that the log of the package before this one is a prefix of this log
checkpoint.txt           the head of the log, signed (C2SP tlog-checkpoint)
policy/                  every policy revision that the entries name, where it is known
keys/                    the public keys of the log and of the packages (compare them, do not trust them)
summary.json             counts that verify.py recomputes
manifest.json            the digest of every file; manifest.sig signs it
verify.py                the verifier, for convenience: the one to trust is the one you got elsewhere

A value that was erased is missing from disclosures.jsonl; the entry and its place in the log still verify.
"""


def readme(package: Package, *, scope: str, origin: str) -> bytes:
    title = " ".join(package.title.split())
    return _TEXT.format(
        number=package.label,
        title=title,
        scope=" ".join(scope.split()),
        start=instant(package.period_start),
        end=instant(package.period_end),
        origin=origin,
    ).encode()
