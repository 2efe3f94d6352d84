"""Which commit of the branch was known when a request was opened; grants are found by the call that used them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("approvals", "0005_full_approvals")]

    operations = [
        migrations.AddField(
            model_name="approvalrequest", name="head_known", field=models.TextField(blank=True, default="")
        ),
        migrations.AlterField(model_name="approvalrequest", name="head_known", field=models.TextField(blank=True)),
    ]
