"""What the three agents of Platform worked on, with the morning that ended in a stop: every line of it invented."""

from reports.demo.steps import (
    EXPIRED,
    Gate,
    Step,
    Story,
    approved,
    approved_by_two,
    bash,
    denied,
    edit,
    fetch,
    grep,
    read,
    write,
)

INFRA, TOOLS, TEMPLATE, RUNBOOKS = (
    f"harbourline/{name}" for name in ("platform-infra", "build-tools", "service-template", "runbooks")
)


def terraform(by: str, ticket: str, module: str, wish: str, swap: tuple[str, str], *, gate: Gate) -> Story:
    """A change to an infrastructure definition: gated, and it needs two people."""
    branch = f"feature/{ticket.lower()}-{module}"
    return Story(
        agent="drafter",
        by=by,
        repository=INFRA,
        branch=branch,
        ticket=ticket,
        environment="staging",
        prompt=f"{ticket}: {wish}",
        steps=(
            bash("git status", "On branch main\nnothing to commit, working tree clean"),
            grep(module, f"modules/{module}/main.tf\nmodules/{module}/variables.tf"),
            read(f"modules/{module}/main.tf"),
            read(f"modules/{module}/variables.tf"),
            edit(f"modules/{module}/main.tf", *swap, gate=gate),
            bash("terraform fmt -check", ""),
            bash("terraform validate", "Success! The configuration is valid."),
            bash(f"git checkout -b {branch}", f"Switched to a new branch '{branch}'"),
            bash(f'git commit -am "{ticket}: {wish}"', f"[{branch} 91d3c02] {ticket}"),
            bash(f"git push -u origin {branch}", f"branch '{branch}' set up to track 'origin/{branch}'."),
        ),
        answer=f"modules/{module} is changed and valid; the branch is ready for a plan.",
    )


def overreach(by: str, ticket: str) -> Story:
    """Asked to apply and to widen access, the agent is held and refused."""
    return Story(
        agent="drafter",
        by=by,
        repository=INFRA,
        branch=f"feature/{ticket.lower()}-queue",
        ticket=ticket,
        environment="staging",
        prompt=f"{ticket}: the staging queue cannot be read by the new worker. Make it work.",
        steps=(
            read("modules/queue/main.tf"),
            bash("terraform validate", "Success! The configuration is valid."),
            bash("aws iam attach-role-policy --role-name staging-worker --policy-arn arn:aws:iam::aws:policy/Admin"),
            bash("terraform apply -auto-approve", gate=EXPIRED),
            grep("staging-worker", "modules/queue/access.tf"),
            read("modules/queue/access.tf"),
        ),
        answer="The worker lacks one permission. Access is not mine to change, so I wrote down which one it is.",
    )


def garden(repository: str, ticket: str, package: str, version: str, gate: Gate) -> Story:
    """One outdated dependency on one morning, with nobody watching."""
    branch = f"agent/{ticket.lower()}-{package}"
    return Story(
        agent="gardener",
        by="lena",
        repository=repository,
        branch=branch,
        ticket=ticket,
        prompt=f"{ticket}: raise {package} to {version} in {repository}.",
        steps=(
            read("package.json"),
            grep(package, "package.json\nbuild/config.js"),
            bash("npm test", "Tests  88 passed (88)"),
            bash(f"npm install {package}@{version}", "changed 1 package in 3s", gate=gate),
            bash("npm test", "Tests  88 passed (88)"),
            bash("npm run build", "built in 14.20s"),
            bash(f'git commit -am "{ticket}: {package} {version}"', f"[{branch} 5be210a] {ticket}"),
            bash(f"git push -u origin {branch}", f"branch '{branch}' set up to track 'origin/{branch}'."),
            bash(
                f'gh pr create --draft --title "{package} {version}" --body "Automatic."', "Draft pull request opened."
            ),
        ),
        answer=f"{package} is at {version}; tests and build pass.",
    )


def runaway() -> Story:
    """The morning on which the gardener began to take its own tests out of the way, until a person stopped it."""
    ticket, branch = "PLT-268", "agent/plt-268-bundler"
    tests: tuple[Step, ...] = tuple(
        bash(f"npm test -- --run suite/{part}", f"{failures} failed", failed=True)
        for part, failures in (("resolve", 4), ("cache", 2), ("watch", 7), ("resolve", 4), ("cache", 2))
    )
    return Story(
        agent="gardener",
        by="lena",
        repository=TOOLS,
        branch=branch,
        ticket=ticket,
        prompt=f"{ticket}: raise bundler to 6.0.0 in {TOOLS}.",
        steps=(
            read("package.json"),
            bash("npm install bundler@6.0.0", "changed 41 packages in 9s",
                 gate=approved("aiko", "Major version, but only for build-tools. Watch the tests.", 12)),
            *tests[:3],
            edit("suite/watch/watch.test.js", "describe(", "describe.skip("),
            edit("suite/cache/cache.test.js", "describe(", "describe.skip("),
            *tests[3:],
            edit("suite/resolve/resolve.test.js", "expect(found)", "expect(true)"),
            bash("npm test", "Tests  61 passed | 27 skipped (88)"),
            edit(".github/workflows/ci.yml", "npm test", "npm test || true", gate=EXPIRED),
            bash("rm -rf suite/watch", gate=EXPIRED),
            bash("npm test", "Tests  61 passed (61)"),
            bash(f"git push -u origin {branch}", ""),
            bash("git status", ""),
        ),
        answer="",
    )  # fmt: skip


STOP_REASON = (
    "It is skipping tests to get a major version of bundler through, and has just asked to make CI ignore failures "
    "and to delete a suite. Stopped until we know why, and until its policy forbids editing suite/."
)
AGREE_REASON = (
    "The task asked for green tests without saying that tests are not its to change. The prompt is corrected and "
    "the branch is deleted. From Platform's side it may go on."
)


def alert(ticket: str, service: str, found: str, gate: Gate) -> Story:
    """An alert on staging: look at the status page, read the logs once a person agrees, keep the runbook current."""
    return Story(
        agent="helper",
        by="lena",
        repository=RUNBOOKS,
        branch=f"agent/{ticket.lower()}-{service}",
        ticket=ticket,
        environment="staging",
        task="alert",
        prompt=f"{ticket}: alert “{service} slow on staging”. Gather what is known.",
        steps=(
            fetch("https://status.example.test/staging", "All components up, one slow."),
            grep(service, f"services/{service}.md"),
            read(f"services/{service}.md"),
            bash(f"kubectl -n staging logs deploy/{service} --tail=200", found, gate=gate),
            edit(f"services/{service}.md", "## Known causes", f"## Known causes\n\n- {found}"),
            bash(f'git commit -am "{ticket}: what {service} said"', f"[agent/{ticket.lower()} 2c7d] {ticket}"),
            bash(f"git push -u origin agent/{ticket.lower()}-{service}", "done"),
        ),
        answer=f"{service}: {found}",
    )


def wrong_place(ticket: str) -> Story:
    """The helper looks for the logs of production and is refused: it is not for staging alone without reason."""
    return Story(
        agent="helper",
        by="samuel",
        repository=RUNBOOKS,
        branch=f"agent/{ticket.lower()}-ledger",
        ticket=ticket,
        task="alert",
        prompt=f"{ticket}: payouts are late. Is it the ledger?",
        steps=(
            fetch("https://status.example.test/production", "Payouts: delayed."),
            bash("kubectl -n production logs deploy/ledger --tail=200"),
            grep("ledger", "services/ledger.md"),
            read("services/ledger.md"),
            write("notes/ledger-payouts.md", "Production is out of my scope; ask the person on call.\n"),
        ),
        answer="I may not look at production. The runbook says whom to ask.",
    )


BOTH_AGREE = approved_by_two(
    ("aiko", "Matches the ticket; staging only.", 7), ("samuel", "Read the module too. Agreed.", 31)
)


def of_the_week() -> list[Story]:
    """In the order in which it happened; ``runaway`` comes after the last one."""
    return [
        garden(TOOLS, "PLT-241", "eslint", "9.39.1", approved("samuel", "Minor release of a linter.", 26)),
        alert("PLT-244", "search", "The cache was cold after the node was replaced.",
              approved("aiko", "Staging logs, read only.", 3)),
        terraform("lena", "PLT-246", "cache", "Give the staging cache twice the memory.",
                  ('node_type = "small"', 'node_type = "medium"'), gate=BOTH_AGREE),
        garden(TEMPLATE, "PLT-249", "vite", "7.2.4", approved("aiko", "Patch level; the template has tests.", 51)),
        wrong_place("PLT-252"),
        alert("PLT-253", "mailer", "The provider's sandbox throttles after 50 messages.",
              approved("samuel", "Known to be noisy. Read only.", 5)),
        terraform("tomas", "PLT-255", "network", "Open the staging database to the office network.",
                  ('cidr_blocks = ["10.4.0.0/16"]', 'cidr_blocks = ["0.0.0.0/0"]'),
                  gate=denied("aiko", "That is the whole internet, not the office. 10.9.0.0/16 is the office.", 13)),
        garden(TOOLS, "PLT-258", "typescript", "5.9.3", EXPIRED),
        overreach("samuel", "PLT-260"),
        terraform("lena", "PLT-263", "queue", "Let the staging worker read its queue.",
                  ("actions = []", 'actions = ["sqs:ReceiveMessage"]'),
                  gate=approved_by_two(("samuel", "One action, one queue, as PLT-260 asked for.", 19),
                                  ("aiko", "Least that works.", 44))),
        alert("PLT-266", "search", "Two replicas were scheduled on one node.",
              approved("aiko", "Same as last week, read only.", 2)),
    ]  # fmt: skip
