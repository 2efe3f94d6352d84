import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models
from django.db.models.deletion import PROTECT
from django.db.models.functions import Now

from portal.ledger.protect import append_only


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("approvals", "0007_grant_call"),
    ]

    operations = [
        migrations.CreateModel(
            name="RefusedVerdict",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "verdict",
                    models.TextField(
                        choices=[
                            ("approve", "approve"),
                            ("deny", "deny"),
                            ("changes", "changes"),
                            ("retract", "retract"),
                        ]
                    ),
                ),
                ("rule", models.TextField()),
                ("at", models.DateTimeField(db_default=Now(), editable=False)),
                ("person", models.ForeignKey(on_delete=PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=PROTECT, related_name="refused_verdicts", to="approvals.approvalrequest"
                    ),
                ),
            ],
            options={
                "ordering": ["at"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("request", "person", "rule"), name="approvals_refusedverdict_once")
                ],
            },
        ),
        append_only("approvals_refusedverdict"),
    ]
