"""Settings that serve the gallery of components alone: no database, no accounts, the real policy headers."""

from pathlib import Path

from portal.settings import base

BASE_DIR = base.BASE_DIR
SECRET_KEY = "gallery-only-" + "0" * 50
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "django.contrib.messages",
    "django_htmx",
    "csp",
    "portal.web",
]
MIDDLEWARE = [
    "portal.web.headers.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.web.errors.PortalErrorMiddleware",
]
CONTENT_SECURITY_POLICY = base.CONTENT_SECURITY_POLICY
ROOT_URLCONF = "tests.browser.gallery_urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates", Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"],
            "builtins": ["portal.web.templatetags.bw"],
        },
    }
]
DATABASES: dict[str, dict[str, str]] = {}
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
CSRF_FAILURE_VIEW = "portal.web.errors.csrf_failure"
USE_TZ = True
LANGUAGE_CODE = "en-gb"
LOGGING_CONFIG = None
