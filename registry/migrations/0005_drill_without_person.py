"""A drill that the schedule orders has no person behind it; every other stop has."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0004_finding_caused_by"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="killorder",
            name="ordered_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="killorder",
            constraint=models.CheckConstraint(
                condition=models.Q(("ordered_by__isnull", False), ("kind", "drill"), _connector="OR"),
                name="registry_kill_by",
            ),
        ),
    ]
