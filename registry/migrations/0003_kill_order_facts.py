"""What was true when a stop was ordered: its agent, the orderer's roles and the stop time that was promised."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_full_registry")]

    operations = [
        migrations.AddField(
            model_name="killorder",
            name="agent",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="kill_orders", to="registry.agent"
            ),
        ),
        migrations.AddField(model_name="killorder", name="authority", field=models.JSONField(default=dict)),
        migrations.AddField(model_name="killorder", name="worst_seconds", field=models.PositiveIntegerField(null=True)),
        migrations.AddField(
            model_name="killorder",
            name="worst_because",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.RunSQL(
            "UPDATE registry_killorder SET agent_id = substr(key, 7)::uuid WHERE kind = 'agent'",
            migrations.RunSQL.noop,
        ),
    ]
