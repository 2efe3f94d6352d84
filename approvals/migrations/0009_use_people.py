import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """Of uses before it nobody is known; who asked for, owns or granted the exception is."""

    dependencies = [("approvals", "0008_refused_verdict")]

    operations = [
        migrations.AddField(
            model_name="exceptionuse",
            name="people",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), default=list, editable=False, size=None
            ),
        ),
    ]
