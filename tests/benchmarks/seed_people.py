"""Add three people of security to a benchmark's database; prints a token of each."""

import django

django.setup()

from portal.identity.rules.roles import Role  # noqa: E402
from portal.identity.services.people import assign_role, create_person  # noqa: E402
from portal.identity.services.tokens import issue_token  # noqa: E402
from portal.ledger.events import SYSTEM  # noqa: E402


def main() -> None:
    for number in range(3):
        person = create_person(actor=SYSTEM, email=f"security-{number}@example.test", name=f"Security {number}")
        assign_role(actor=SYSTEM, person=person, role=Role.SECURITY, team=None)
        print(issue_token(person=person, name="bench", days=1)[1])


if __name__ == "__main__":
    main()
