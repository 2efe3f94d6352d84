"""A rulebook that two people agreed to, one that waits and one that was refused: for the test of every page."""

from approvals.services.rulebook import refuse
from tests.approvals.rulebooks import group, in_force, proposed, rule, second_security
from tests.organisation import Organisation

LONG = "The release of last month went out at night, and nobody of the people who answer for it was asked. " * 3


def ruling(organisation: Organisation) -> dict[str, str]:
    """Before any request, since none would outlive a change of who decides it; its rules are for none of theirs."""
    release = group("Release managers of every team that ships to customers", organisation.manager)
    rules = [
        rule(
            "production",
            (["group:release"], 3),
            (["security", "group:release"], 1),
            when={
                "teams": [str(organisation.platform.pk)],
                "actions": ["deploy.*", "package.publish"],
                "environments": ["prod*", "eu-live"],
                "risk_at_least": 40,
            },
            expires_minutes=30,
            grant_minutes=5,
        ),
        rule("night", (["security"], 2), when={"teams": [str(organisation.platform.pk)]}, on=False),
    ]
    book = {"groups": {"release": release}, "rules": rules}
    agreed = in_force(organisation, book)
    refused = proposed(organisation, {**book, "rules": []})
    refuse(actor=second_security(organisation), proposal=refused, reason=LONG)
    looser = {"high": 80, "weights": {"production": 50, "files": 0}}
    waiting = proposed(organisation, {**book, "rules": rules[1:], "risk": looser, "step_up": {"high": "fresh"}})
    return {
        "rulebook": str(agreed.number),
        "refused_rulebook": str(refused.number),
        "waiting_rulebook": str(waiting.number),
    }
