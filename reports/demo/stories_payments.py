"""What the two agents of Payments worked on: every line of it invented."""

from reports.demo.steps import Gate, Step, Story, approved, bash, denied, edit, fetch, grep, read, sent_back, write

Swap = tuple[str, str]  # a text and what takes its place
API, CORE, WEB = "harbourline/payments-api", "harbourline/ledger-core", "harbourline/checkout-web"


def _published(ticket: str, branch: str, message: str) -> tuple[Step, ...]:
    """How a feature branch leaves the machine: committed, pushed, and opened as a draft."""
    return (
        bash(f"git checkout -b {branch}", f"Switched to a new branch '{branch}'"),
        bash(f'git add -A && git commit -m "{ticket}: {message}"', f"[{branch} 4f1c2ab] {ticket}: {message}"),
        bash(f"git push -u origin {branch}", f"branch '{branch}' set up to track 'origin/{branch}'."),
        bash(
            f'gh pr create --draft --title "{ticket}: {message}" --body "See {ticket}."', "Draft pull request opened."
        ),
    )


def defect(by: str, ticket: str, area: str, symptom: str, swap: Swap, *, repository: str = API) -> Story:
    """A failing test, a small fix, a draft pull request: nothing in it is gated."""
    branch = f"fix/{ticket.lower()}-{area}"
    return Story(
        agent="maintainer",
        by=by,
        repository=repository,
        branch=branch,
        ticket=ticket,
        prompt=f"{ticket}: {symptom} Find the cause in {area}, fix it, and open a draft pull request.",
        steps=(
            bash("git status", "On branch main\nnothing to commit, working tree clean"),
            grep(area, f"src/{area}/service.py\nsrc/{area}/store.py\ntests/{area}/test_service.py"),
            read(f"src/{area}/service.py"),
            read(f"tests/{area}/test_service.py"),
            bash(
                f"pytest -q tests/{area}",
                f"1 failed, 41 passed in 3.12s\nFAILED tests/{area}/test_service.py",
                failed=True,
            ),
            edit(f"src/{area}/service.py", *swap),
            bash(f"pytest -q tests/{area}", "42 passed in 2.98s"),
            bash("ruff check src tests", "All checks passed!"),
            bash("mypy src", "Success: no issues found in 118 source files"),
            bash(
                "git diff --stat",
                f" src/{area}/service.py | 6 +++---\n 1 file changed, 3 insertions(+), 3 deletions(-)",
            ),
            *_published(ticket, branch, symptom.rstrip(".")),
        ),
        answer=f"The cause was in src/{area}/service.py. It is fixed and covered by a test; the draft is open.",
    )


def dependency(by: str, ticket: str, package: str, version: str, gate: Gate) -> Story:
    """A security release of a library: the lock file is gated."""
    branch = f"feature/{ticket.lower()}-{package}"
    return Story(
        agent="maintainer",
        by=by,
        repository=API,
        branch=branch,
        ticket=ticket,
        prompt=f"{ticket}: move {package} to {version}, which has the security fix. Check that nothing else moves.",
        steps=(
            read("pyproject.toml"),
            grep(package, "src/clients/http.py\nsrc/clients/bank.py"),
            fetch(f"https://docs.example.test/{package}/changes", f"{version}: fixes header handling. No API changes."),
            bash(f"uv lock --upgrade-package {package}=={version}", f"Updated {package} -> v{version}", gate=gate),
            bash("pytest -q", "612 passed, 4 skipped in 48.20s"),
            bash("git diff --stat", " uv.lock | 14 +++++++-------\n 1 file changed"),
            *_published(ticket, branch, f"Move {package} to {version}"),
        ),
        answer=f"{package} is at {version}; nothing else changed in the lock file and all tests pass.",
    )


def migration(by: str, ticket: str, number: str, place: str, *, gate: Gate) -> Story:
    """A column is added: migrations are gated. ``place`` is its ``table.column``."""
    table, _, column = place.partition(".")
    branch = f"feature/{ticket.lower()}-{table}"
    statement = f"ALTER TABLE {table} ADD COLUMN {column} text;\nCREATE INDEX CONCURRENTLY ON {table} ({column});\n"
    return Story(
        agent="maintainer",
        by=by,
        repository=API,
        branch=branch,
        ticket=ticket,
        prompt=f"{ticket}: {table} needs {column}. Write the migration and the model, with a test.",
        steps=(
            bash("git log --oneline -5", f"a91f0de Settle refunds in the currency of the payment\n{ticket} is next"),
            grep(f"class .*{table[:4]}", f"src/{table}/models.py"),
            read(f"src/{table}/models.py"),
            read("migrations/README.md"),
            write(f"migrations/{number}_{table}_{column}.sql", statement, gate=gate),
            edit(
                f"src/{table}/models.py",
                "    created_at: datetime",
                f"    created_at: datetime\n    {column}: str | None",
            ),
            write(f"tests/{table}/test_{column}.py", f"def test_{column}_is_kept() -> None:\n    ...\n"),
            bash(f"pytest -q tests/{table}", "37 passed in 4.40s"),
            *_published(ticket, branch, f"Keep {column} in {table}"),
        ),
        answer=f"{table}.{column} is there, nullable and indexed without a lock.",
    )


def rebase(by: str, ticket: str, area: str, gate: Gate) -> Story:
    """A branch that fell behind is rebased and force-pushed, which is gated."""
    branch = f"feature/{ticket.lower()}-{area}"
    return Story(
        agent="maintainer",
        by=by,
        repository=API,
        branch=branch,
        ticket=ticket,
        prompt=f"{ticket}: bring {branch} up to main; resolve what conflicts.",
        steps=(
            bash("git status", f"On branch {branch}\nnothing to commit, working tree clean"),
            bash("git log --oneline main..HEAD", "77d02b1 Retry on 503\n0c9e5a4 Count retries"),
            bash("git rebase main", f"CONFLICT (content): Merge conflict in src/{area}/service.py", failed=True),
            read(f"src/{area}/service.py"),
            edit(f"src/{area}/service.py", "<<<<<<< HEAD", "    attempts = settings.retry_attempts"),
            bash("git rebase --continue", f"Successfully rebased and updated refs/heads/{branch}."),
            bash(f"pytest -q tests/{area}", "58 passed in 5.02s"),
            bash(
                f"git push --force-with-lease origin {branch}",
                f"+ 77d02b1...b3a8c1f {branch} (forced update)",
                gate=gate,
            ),
        ),
        answer=f"{branch} sits on main again.",
    )


def curious(by: str, ticket: str) -> Story:
    """The agent reaches for a secret, is refused, and finds the honest way."""
    branch = f"fix/{ticket.lower()}-sandbox"
    return Story(
        agent="maintainer",
        by=by,
        repository=API,
        branch=branch,
        ticket=ticket,
        prompt=f"{ticket}: the sandbox tests fail with 401 since this morning. Why?",
        steps=(
            bash("pytest -q tests/sandbox", "9 failed, 3 passed in 6.71s\n401 Unauthorized", failed=True),
            grep("SANDBOX_KEY", "src/clients/bank.py\ntests/sandbox/conftest.py"),
            bash("cat .env"),
            bash("printenv SANDBOX_KEY"),
            read("tests/sandbox/conftest.py"),
            read("docs/sandbox.md"),
            edit("tests/sandbox/conftest.py", 'key = os.environ["SANDBOX_KEY"]', "key = issue_test_key()"),
            bash("pytest -q tests/sandbox", "12 passed in 7.03s"),
            *_published(ticket, branch, "Ask the sandbox for a key instead of keeping one"),
        ),
        answer="The stored key had run out. I could not look at it, and need not: the tests now ask for their own.",
    )


def pages(by: str, ticket: str, part: str, wish: str, swap: Swap) -> Story:
    """A small change to the checkout pages with an engineer beside it."""
    branch = f"feature/{ticket.lower()}-{part}"
    file = f"src/{part}/{part.title()}.tsx"
    return Story(
        agent="companion",
        by=by,
        repository=WEB,
        branch=branch,
        ticket=ticket,
        prompt=f"{ticket}: {wish}",
        steps=(
            grep(part, f"{file}\nsrc/{part}/{part}.test.tsx"),
            read(file),
            read(f"src/{part}/{part}.test.tsx"),
            edit(file, *swap),
            bash("npm run lint", "0 problems"),
            bash(f"npm test -- --run src/{part}", "Tests  1 failed | 23 passed (24)", failed=True),
            edit(f"src/{part}/{part}.test.tsx", *swap),
            bash(f"npm test -- --run src/{part}", "Tests  24 passed (24)"),
            bash("npm run build", "built in 9.41s"),
            *_published(ticket, branch, wish.rstrip(".")),
        ),
        answer=f"Done in {file}, with its test.",
    )


def library(by: str, ticket: str, package: str, wish: str, gate: Gate) -> Story:
    """A new library for the checkout: gated, and not always let in."""
    return Story(
        agent="companion",
        by=by,
        repository=WEB,
        branch=f"feature/{ticket.lower()}-{package.partition('@')[0]}",
        ticket=ticket,
        prompt=f"{ticket}: {wish}",
        steps=(
            read("package.json"),
            grep("formatAmount", "src/amount/format.ts\nsrc/summary/Summary.tsx"),
            read("src/amount/format.ts"),
            bash(f"npm install {package}", "added 3 packages in 2s", gate=gate),
            edit("src/amount/format.ts", "return value.toFixed(2)", "return money.format(value)"),
            bash("npm test -- --run src/amount", "Tests  31 passed (31)"),
            bash("npm run lint", "0 problems"),
        ),
        answer="Amounts are formatted by currency.",
    )


def stranger(by: str, ticket: str) -> Story:
    """Half way through, somebody lends the agent another tool server; the portal says that this is not the agent."""
    file = "src/summary/Summary.tsx"
    told = "A database server appeared in the middle of this session. Nobody approved that; start again without it."
    return Story(
        agent="companion",
        by=by,
        repository=WEB,
        branch=f"feature/{ticket.lower()}-summary",
        ticket=ticket,
        prompt=f"{ticket}: the summary shows last month's fees. Find out what the database says.",
        steps=(
            grep("fees", f"{file}\nsrc/summary/fees.ts"),
            read(file),
            read("src/summary/fees.ts"),
            bash("npm test -- --run src/summary", "Tests  18 passed (18)"),
            Step("Read", {"file_path": "src/summary/rates.json"}, gate=denied("priya", told, 8), server="postgres"),
        ),
        answer="The rates are read from a file of last month. I could not compare them with the database.",
    )


SAFE_COLUMN = "Nullable, concurrent index, no rewrite of the table. Fine."


def waiting() -> Story:
    """The request that waits when the demonstration is opened."""
    ticket, branch = "PAY-763", "feature/pay-763-legacy-settlement"
    return Story(
        agent="maintainer",
        by="jonas",
        repository=API,
        branch=branch,
        ticket=ticket,
        environment="staging",
        prompt="PAY-763: nothing reads the legacy settlement columns any more. Write the migration that removes them.",
        steps=(
            grep("legacy_", "migrations/0031_settlement_legacy.sql\nsrc/settlement/models.py"),
            read("src/settlement/models.py"),
            read("migrations/0031_settlement_legacy.sql"),
            bash("rg -n legacy_reference src tests", "src/settlement/models.py:48:    legacy_reference: str | None"),
            edit("src/settlement/models.py", "    legacy_reference: str | None\n", ""),
            bash("pytest -q tests/settlement", "64 passed in 5.87s"),
            write(
                "migrations/0047_settlement_drop_legacy.sql",
                "BEGIN;\n"
                "-- Written by the migration of 2023 and read by nothing since PAY-702.\n"
                "ALTER TABLE settlement DROP COLUMN legacy_reference;\n"
                "ALTER TABLE settlement DROP COLUMN legacy_batch_id;\n"
                "DELETE FROM settlement_import WHERE finished_at < now() - interval '2 years';\n"
                "COMMIT;\n",
            ),
        ),
        answer="",
    )


def of_the_week() -> list[Story]:
    """In the order in which it happened."""
    return [
        defect("jonas", "PAY-702", "settlement", "Settlements of cancelled orders stay open.",
               ('if order.state == "paid":', 'if order.state in {"paid", "cancelled"}:')),
        pages("jonas", "WEB-318", "summary", "Show the delivery cost on its own line.",
              ("<Total />", "<Delivery />\n      <Total />")),
        dependency("jonas", "PAY-711", "httpx", "0.28.2",
                   approved("daniel", "Patch release, one package moves. Tests will tell.", 4)),
        migration("jonas", "PAY-715", "0044", "refund.reason_code", gate=approved("priya", SAFE_COLUMN, 11)),
        pages("jonas", "WEB-321", "address", "Keep the postcode when the country changes.",
              ("setPostcode('')", "setPostcode(valid ? postcode : '')")),
        defect("priya", "PAY-718", "retry", "A 503 from the bank is not retried.",
               ("except Timeout:", "except (Timeout, Unavailable):")),
        library("jonas", "WEB-325", "currency-format@3.1.0", "Format amounts by currency, not by hand.",
                denied("daniel", "Intl.NumberFormat does this without another library. Please use it.", 23)),
        curious("jonas", "PAY-722"),
        rebase("jonas", "PAY-718", "retry",
               approved("daniel", "Only Jonas's own commits on it; the lease protects the rest.", 6)),
        defect("jonas", "PAY-727", "posting", "Rounding loses a cent on split postings.",
               ("amount / parts", "split_evenly(amount, parts)"), repository=CORE),
        pages("daniel", "WEB-330", "receipt", "Let people print the receipt.",
              ("<Receipt />", "<Receipt printable />")),
        migration("jonas", "PAY-731", "0045", "payout.bank_message",
                  gate=sent_back("daniel", "Free text from a bank can hold personal data. Use the code table.", 38)),
        dependency("priya", "PAY-736", "cryptography", "46.0.4",
                   approved("daniel", "The advisory is public and we are affected. Go.", 2)),
        defect("jonas", "PAY-738", "webhook", "Webhooks are signed with the old key.",
               ("keys[0]", "keys.current()")),
        pages("jonas", "WEB-334", "voucher", "Say why a voucher was refused.",
              ("Not valid", "{reason(voucher)}")),
        migration("jonas", "PAY-744", "0046", "payout.bank_code", gate=approved("priya", SAFE_COLUMN, 17)),
        library("jonas", "WEB-337", "focus-trap@7.6.5", "Keep the focus inside the payment dialog.",
                approved("priya", "Small, known, no dependencies of its own.", 9, used=False)),
        defect("priya", "PAY-749", "refund", "Partial refunds are rejected when a fee applies.",
               ("amount <= payment.net", "amount <= payment.gross")),
        rebase("jonas", "PAY-744", "payout",
               denied("priya", "Review comments hang on these commits. Merge main instead.", 14)),
        stranger("jonas", "WEB-339"),
        pages("jonas", "WEB-341", "consent", "The consent text does not wrap on a phone.",
              ("nowrap", "balance")),
    ]  # fmt: skip
