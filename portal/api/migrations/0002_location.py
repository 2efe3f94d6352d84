"""A replayed answer repeats the Location header of the first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial")]

    operations = [
        migrations.AddField("idempotencykey", "location", models.TextField(blank=True, default="")),
    ]
