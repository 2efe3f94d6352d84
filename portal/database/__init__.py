"""Django's PostgreSQL, but a connection that is used again is looked at instead of asked."""
