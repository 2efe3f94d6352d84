"""The Celery application. A row is the truth and a task carries its key, so all are acknowledged late."""

import os

from celery import Celery
from django.conf import settings

from portal import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.dev")

app = Celery("bailiwick")
# For every thread: requests are answered in threads that did not make it, and send tasks by name.
app.set_default()
app.conf.update(
    broker_url=settings.BAILIWICK_BROKER_URL or broker.url(settings.DATABASES["default"]),
    broker_transport_options={} if settings.BAILIWICK_BROKER_URL else broker.TRANSPORT_OPTIONS,
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=broker.PREFETCH,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="bailiwick",
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    timezone="UTC",
)
# CELERY_BEAT_SCHEDULE, and CELERY_TASK_ALWAYS_EAGER for a test, come from the settings.
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(lambda: ["portal", "portal.ledger", "portal.identity", "registry", "approvals", "reports"])
