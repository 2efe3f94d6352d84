"""The WSGI entry point: every page and both hot paths are served here."""

import gc
import os
import sys

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from portal.checks import refuse_if_unprotected

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.dev")
# A check needs a millisecond of the interpreter, some of it after each of its statements; a page beside it takes fifty.
# With Python's five milliseconds between turns a check waits for all of them.
sys.setswitchinterval(0.0005)
application = get_wsgi_application()
refuse_if_unprotected()
# Every address is read now: it costs over a second, and the first request of a new worker may be a stop.
_ = get_resolver().url_patterns

import portal.celery  # noqa: E402, F401  its app is the one that requests send tasks with
from registry.services.stopfile import publish_quietly  # noqa: E402  models are there only now

# A portal that comes up again comes up stopped where it was stopped, for whoever reads the file too.
publish_quietly()

# What is loaded by now stays until the end; looking through it for garbage takes a tenth of a second, and checks wait.
gc.collect()
gc.freeze()
