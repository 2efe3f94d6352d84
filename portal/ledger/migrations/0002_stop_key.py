"""A key of its own signs the stop file."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="publickey",
            name="role",
            field=models.TextField(choices=[("log", "log"), ("package", "package"), ("stop", "stop")]),
        ),
    ]
