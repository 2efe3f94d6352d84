"""Settings shared by every way of running the portal; values come from BAILIWICK_* variables."""

from pathlib import Path
from typing import Any

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal.settings import environment
from registry.rules.trust import IssuerError, read_issuers

BASE_DIR = Path(__file__).resolve().parent.parent.parent

BAILIWICK_DATA_DIR = Path(environment.text("DATA_DIR", str(BASE_DIR / "var")))
BAILIWICK_KEY_DIR = Path(environment.text("KEY_DIR", str(BAILIWICK_DATA_DIR / "keys")))
BAILIWICK_BASE_URL = environment.text("BASE_URL", "http://127.0.0.1:8800").rstrip("/")
BAILIWICK_LOG_ORIGIN = environment.text("LOG_ORIGIN", "bailiwick.local/ledger")
BAILIWICK_VERSION = "0.1.0"
# The signed stop file; empty: stops/stops.txt in the data directory. On several machines: one shared place.
BAILIWICK_STOP_FILE = environment.text("STOP_FILE")
# How often an agent's stop is rehearsed, and where a canary's drill reaches the portal (empty: its own address).
BAILIWICK_DRILL_CANARY_DAYS = int(environment.text("DRILL_CANARY_DAYS", "7"))
BAILIWICK_DRILL_AGENT_DAYS = int(environment.text("DRILL_AGENT_DAYS", "90"))
BAILIWICK_DRILL_URL = environment.text("DRILL_URL").rstrip("/")
# Seconds that an enforcement point may go on between two signs of life; policies may shorten it, nothing lengthens it.
BAILIWICK_LEASE_SECONDS = int(environment.text("LEASE_SECONDS", "30"))

SECRET_KEY = environment.text("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = environment.items("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "guardian",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "auditlog",
    "csp",
    "portal.ledger",
    "portal.identity",
    "portal.api",
    "portal.web",
    "registry",
    "approvals",
    "reports",
]

MIDDLEWARE = [
    # A check passes by all the others, which do nothing for it.
    "portal.hot_paths.HotPathMiddleware",
    # Before WhiteNoise, so that static files and redirects to https carry the headers too.
    "portal.web.headers.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "auditlog.middleware.AuditlogMiddleware",
    "portal.web.errors.PortalErrorMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "registry.web.banner.kills_in_force",
            ],
            "builtins": ["portal.web.templatetags.bw"],
        },
    }
]

# -- the database ------------------------------------------------------------------------------------
# The application connects as a role that cannot UPDATE or DELETE in the ledger; the owner's address
# is given to `manage.py upgrade` alone.
DATABASES: dict[str, dict[str, Any]] = {
    "default": environment.database(
        environment.text("DATABASE_URL", "postgresql://bailiwick_app@127.0.0.1:5432/bailiwick")
    )
}
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Parameters travel apart from the statement, and one that comes a second time is prepared: planning the two
# statements of the check path costs more than running them. Behind a pool of transactions the next one runs in another
# session, which knows neither the statement prepared nor the cursor opened before.
_POOLED = environment.flag("DATABASE_POOLED")
DATABASES["default"]["OPTIONS"] = {"server_side_binding": True, "prepare_threshold": None if _POOLED else 1}
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = _POOLED
if environment.text("DATABASE_OWNER_URL"):
    DATABASES["owner"] = environment.database(environment.text("DATABASE_OWNER_URL"))
# A web process refuses to start on a PostgreSQL that may lose what it confirmed. Off for tests alone.
BAILIWICK_REQUIRE_DURABLE_DATABASE = True
# Seconds that a starting web process waits for a database that does not answer.
BAILIWICK_START_WAIT = float(environment.text("START_WAIT", "30"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# ATOMIC_REQUESTS stays off: a service opens its own durable transaction (decision 0003).

# -- people --------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "identity.Person"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
ACCOUNT_ADAPTER = "portal.identity.web.adapter.InvitedOnlyAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
PASSWORD_RESET_TIMEOUT = 24 * 3600
# How many proxies in front append to X-Forwarded-For; 0 reads the connection's own address and no header.
ALLAUTH_TRUSTED_PROXY_COUNT = int(environment.text("TRUSTED_PROXIES", "0"))
MFA_ADAPTER = "portal.identity.web.adapter.OneSite"
MFA_FORMS = {"add_webauthn": "portal.identity.web.passkey_form.AddPasskeyForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Bailiwick"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"

# Field diffs of configuration, for the operator; decisions and evidence are in the ledger alone.
AUDITLOG_INCLUDE_TRACKING_MODELS = (
    {"model": "identity.Person", "include_fields": ["name", "email"]},
    {"model": "identity.Team", "include_fields": ["name"]},
)
# auditlog believes any X-Forwarded-For, so it is not asked for addresses.
AUDITLOG_DISABLE_REMOTE_ADDR = True
# Counts of failed sign-ins and spent one-time codes must hold over every web process and node.
CACHES = {"default": {"BACKEND": "portal.identity.shared_cache.TableCache", "LOCATION": "identity_cache"}}

# -- sessions and the browser ---------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.web.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# -- agents' credentials ----------------------------------------------------------------------------------
# May be lowered from 90, never raised.
BAILIWICK_CREDENTIAL_MAX_DAYS = int(environment.text("CREDENTIAL_MAX_DAYS", "90"))
# Exchange of outside tokens: off, and the portal makes no request to the outside at all.
BAILIWICK_OIDC_EXCHANGE = environment.flag("OIDC_EXCHANGE", default=True)
# Further issuers beside GitHub Actions and Cursor: name=issuer=address of its keys, apart by commas.
BAILIWICK_OIDC_ISSUERS = environment.items("OIDC_ISSUERS")
try:
    read_issuers(BAILIWICK_OIDC_ISSUERS)
except IssuerError as _error:
    raise ImproperlyConfigured(f"BAILIWICK_OIDC_ISSUERS: {_error}") from _error
BAILIWICK_OIDC_CA_FILE = environment.text("OIDC_CA_FILE")
BAILIWICK_OIDC_PROXY = environment.text("OIDC_PROXY")

# -- messages to other machines (portal.outbound) ---------------------------------------------------------
BAILIWICK_OUTBOUND = environment.flag("OUTBOUND", default=True)
# Hosts (name, or name:port) that may be private and plain http.
BAILIWICK_OUTBOUND_PRIVATE = environment.items("OUTBOUND_PRIVATE")
BAILIWICK_OUTBOUND_CA_FILE = environment.text("OUTBOUND_CA_FILE")

# -- static files, language, time ------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BAILIWICK_DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# No other site has a use for our files; WhiteNoise would let all of them read.
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# -- API ---------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.PersonTokenAuthentication",
        "portal.api.authentication.PortalSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "portal.api.pagination.NewestFirst",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "portal.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Bailiwick",
    "VERSION": "1",
    "DESCRIPTION": "What each AI coding agent may do, who let it, and the proof.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Several things have a "state" or a "scope"; each set of values keeps a name of its own. An enum is meant
    # where a field has the enum for its choices, and a list of values where it has those: labels count, too.
    "ENUM_NAME_OVERRIDES": {
        "TokenState": ["valid", "expired", "revoked"],
        "CredentialKind": ["issued", "exchanged"],
        "ChannelKind": ["email", "slack", "teams", "webhook"],
        "DeliveryState": ["waiting", "sent", "dead", "dropped"],
        "Digest": ["none", "hourly", "daily"],
        "NoticeKind": [
            "approvals.request.opened",
            "approvals.request.escalated",
            "approvals.request.resolved",
            "approvals.exception.asked",
            "approvals.exception.granted",
            "approvals.exception.overdue",
            "test",
        ],
        "ChosenNotice": [
            "approvals.request.opened",
            "approvals.request.escalated",
            "approvals.request.resolved",
            "approvals.exception.asked",
            "approvals.exception.granted",
            "approvals.exception.overdue",
        ],
        "RiskBand": ["low", "elevated", "high"],
        "RulebookProposalState": ["open", "agreed", "refused", "withdrawn", "overtaken"],
        "ChangeDirection": ["stricter", "looser", "other"],
        "DirectionEnum": ["widened", "tightened", "unchanged"],
        "AgentState": ["draft", "active", "suspended", "retired"],
        "OrderState": ["active", "resumed"],
        "DrillState": ["waiting", "running", "passed", "failed", "cancelled"],
        "ExceptionKind": ["exception", "break_glass"],
        "ExceptionStatus": ["asked", "lapsed", "open", "ended", "overdue", "closed", "refused", "withdrawn"],
        "RequestState": "approvals.rules.workflow.RequestState",
        "GivenVerdict": ["approve", "deny", "changes"],
        "StepUp": "approvals.rules.rulebook_parts.StepUp",
        "GrantOutcome": "approvals.rules.workflow.GrantOutcome",
        "ReportedOutcome": ["succeeded", "failed"],
        "GrantState": "approvals.rules.workflow.GrantState",
        "PackageState": ["queued", "building", "ready", "failed", "cancelled"],
        "CampaignState": ["open", "done", "missed", "cancelled"],
        "BacktestStatus": ["none", "queued", "running", "lost", "done", "failed", "cancelled"],
        "Coverage": ["all", "team", "agent"],
        "TransferState": ["open", "accepted", "declined", "withdrawn"],
        "DocumentKind": ["policy", "test_report", "other"],
        "NoticedKind": [
            "activity_after_stop",
            "registered_again",
            "token_while_stopped",
            "exchange_while_stopped",
            "other_composition",
            "exception_overdue",
            "team_empty",
            "accountable_left",
            "deputy_left",
            "document_expired",
            "document_expiring",
            "drill_overdue",
            "recertification_missed",
            "recertification_due",
        ],
        "ScopeKind": ["all", "team", "agent", "run", "action", "repository", "drill"],
        "Tier": ["free", "gated", "forbidden"],
        "PolicyLevel": ["organisation", "team", "agent"],
        "ProposalState": ["open", "approved", "refused", "withdrawn", "overtaken"],
        "StopKind": ["all", "team", "agent", "run", "action", "repository"],
        "StopStatus": ["stopping", "stopped", "resumed"],
        "PointKind": ["hook", "ci", "gateway", "wrapper"],
        "Verdict": "approvals.rules.workflow.Verdict",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portal.api.schema.describe_problems",
        "approvals.api.schema.describe_hot_paths",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

# -- Celery -------------------------------------------------------------------------------------------------
# Empty: the queue lives in the same PostgreSQL (portal.broker). redis://… or amqp://… otherwise.
BAILIWICK_BROKER_URL = environment.text("BROKER_URL")
# What is missed while nothing runs is caught up by the next round: each task looks at rows, not at ticks.
CELERY_BEAT_SCHEDULE = {
    "seal-log": {"task": "portal.tasks.seal_log", "schedule": 2.0, "options": {"expires": 10}},
    "sweep-requests": {"task": "portal.tasks.sweep_requests", "schedule": 10.0, "options": {"expires": 30}},
    "sweep-backtests": {"task": "portal.tasks.sweep_backtests", "schedule": 15.0, "options": {"expires": 30}},
    # By the clock of UTC, when least is going on; a night that was missed is made up for by the next, or on request.
    "count-use": {"task": "portal.tasks.count_use", "schedule": crontab(minute=20, hour=2)},
    "close-recertifications": {"task": "portal.tasks.close_recertifications", "schedule": 600.0},
    "deliver-notices": {"task": "portal.tasks.deliver_notices", "schedule": 3.0, "options": {"expires": 10}},
    "sweep-packages": {"task": "portal.tasks.sweep_packages", "schedule": 10.0, "options": {"expires": 30}},
    "forget-tokens": {"task": "portal.tasks.forget_tokens", "schedule": 600.0, "options": {"expires": 600}},
    "keep-stops": {"task": "portal.tasks.keep_stops", "schedule": 5.0, "options": {"expires": 15}},
    "sweep-drills": {"task": "portal.tasks.sweep_drills", "schedule": 5.0, "options": {"expires": 15}},
    "keep-stop-file": {"task": "portal.tasks.keep_stop_file", "schedule": 5.0, "options": {"expires": 15}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(BAILIWICK_DATA_DIR / "beat-schedule")

EMAIL_BACKEND = environment.text("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = environment.text("EMAIL_HOST", "localhost")
EMAIL_PORT = int(environment.text("EMAIL_PORT", "25"))
EMAIL_TIMEOUT = 10  # a relay that hangs must not hold the worker
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "bailiwick@localhost")

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": environment.text("LOG_LEVEL", "INFO")},
    # Each step of each page of each report is of no use to an operator.
    "loggers": {name: {"level": "WARNING"} for name in ("weasyprint", "weasyprint.progress", "fontTools")},
}
