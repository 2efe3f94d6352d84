"""The table of portal.identity.shared_cache."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE UNLOGGED TABLE identity_cache ("
            " key text PRIMARY KEY, value jsonb NOT NULL, expires_at timestamptz NOT NULL);"
            "CREATE INDEX identity_cache_expires ON identity_cache (expires_at);",
            "DROP TABLE identity_cache;",
        )
    ]
