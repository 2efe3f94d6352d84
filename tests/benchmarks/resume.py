"""End a stop of a benchmark by the people of security who did not order it; its number is the argument."""

import sys

import django

django.setup()

from portal.identity.models import Person  # noqa: E402
from registry.models import KillOrder  # noqa: E402
from registry.services.kill import agree_resume  # noqa: E402


def main() -> None:
    order = KillOrder.objects.get(number=int(sys.argv[1]))
    for number in (1, 2):
        person = Person.objects.get(email=f"security-{number}@example.test")
        agree_resume(actor=person, order=order, reason="bench")


if __name__ == "__main__":
    main()
