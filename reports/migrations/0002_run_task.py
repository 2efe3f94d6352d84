from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="task",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
    ]
