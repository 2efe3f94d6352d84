"""A key of its own signs grants; web processes read it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_stop_key")]

    operations = [
        migrations.AlterField(
            model_name="publickey",
            name="role",
            field=models.TextField(
                choices=[("log", "log"), ("package", "package"), ("stop", "stop"), ("grant", "grant")]
            ),
        ),
    ]
