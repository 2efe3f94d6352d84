"""``manage.py build_package <id>``: builds one package in this process; the worker starts it as a child."""

import sys
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from reports.jobs.build_package import build
from reports.services.package import claim


class Command(BaseCommand):
    help = "Build one audit package. Exit status: 0 settled, 1 failed, 3 cancelled or taken over, 4 to be tried again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("package", type=UUID, help="the package's id")
        parser.add_argument("--attempt", type=int, help="the attempt that was claimed; without it, claim now")

    def handle(self, *args: Any, **options: Any) -> None:
        package_id, attempt = options["package"], options["attempt"]
        if attempt is None:
            package = claim(package_id=package_id)
            if package is None:
                self.stderr.write("The package is not queued; nothing was done.")
                sys.exit(3)
            attempt = package.attempt
        sys.exit(build(package_id, attempt))
