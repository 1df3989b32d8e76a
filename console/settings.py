"""Settings, from the environment; secure by default. An unsafe production does not start.

``HALTLINE_ENV`` is ``demo`` (default) or ``production``. Secrets may be given as ``NAME`` or
as ``NAME_FILE``.
"""

import logging
import secrets
import zoneinfo
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from console import logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()  # type: ignore[no-untyped-call]

HALTLINE_ENV = env.str("HALTLINE_ENV", "demo")
if HALTLINE_ENV not in ("demo", "production"):
    raise ImproperlyConfigured(f"HALTLINE_ENV is {HALTLINE_ENV!r}: say demo or production")
PRODUCTION = HALTLINE_ENV == "production"
HALTLINE_HOME = Path(env.str("HALTLINE_HOME", str(BASE_DIR / "var"))).resolve()
PORT = env.int("PORT", 8080)

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("HALTLINE_SECRET_KEY", "")
TLS = env.str("HALTLINE_TLS", "" if PRODUCTION else "off")
if PRODUCTION:
    if len(SECRET_KEY) < 50:
        raise ImproperlyConfigured("HALTLINE_SECRET_KEY: give 50 random characters or more")
    if DEBUG:
        raise ImproperlyConfigured("DEBUG: cannot be on in production")
    if TLS not in ("on", "proxy"):
        raise ImproperlyConfigured(
            "HALTLINE_TLS: say 'on' (TLS ends here) or 'proxy' (a proxy sets X-Forwarded-Proto)"
        )
elif TLS not in ("on", "proxy", "off"):
    raise ImproperlyConfigured(f"HALTLINE_TLS is {TLS!r}: say on, proxy or off")
if not SECRET_KEY:
    SECRET_KEY = secrets.token_urlsafe(48)  # sessions of a process started by hand end with it
TLS_CERT = env.str("HALTLINE_TLS_CERT", "")
TLS_KEY = env.str("HALTLINE_TLS_KEY", "")
if TLS == "on" and not (TLS_CERT and TLS_KEY):
    raise ImproperlyConfigured(
        "HALTLINE_TLS is 'on': name the PEM files in HALTLINE_TLS_CERT and HALTLINE_TLS_KEY"
    )
PROXY_ADDRESSES = env.list("HALTLINE_PROXIES", default=[])

# Keys that seal what must not lie about in clear: factor seeds, venue credentials (audit.keys).
KEYS = env.str("HALTLINE_KEYS", "" if PRODUCTION else "file")
KEYS_FOLDER = Path(env.str("HALTLINE_KEYS_FOLDER", str(HALTLINE_HOME / "keys")))
SEALING_KEYS = env.str("HALTLINE_SEALING_KEYS", "")
PKCS11_MODULE = env.str("HALTLINE_PKCS11_MODULE", "")
PKCS11_TOKEN = env.str("HALTLINE_PKCS11_TOKEN", "")
PKCS11_PIN = env.str("HALTLINE_PKCS11_PIN", "")
if KEYS not in ("file", "environment", "pkcs11"):
    raise ImproperlyConfigured(
        "HALTLINE_KEYS: say where sealing keys are: file, environment or pkcs11"
    )
if KEYS == "environment" and not SEALING_KEYS:
    raise ImproperlyConfigured("HALTLINE_SEALING_KEYS: give ID:BASE64[,ID:BASE64…], newest last")
if KEYS == "pkcs11" and not (PKCS11_MODULE and PKCS11_TOKEN and PKCS11_PIN):
    raise ImproperlyConfigured(
        "HALTLINE_KEYS is 'pkcs11': name the module in HALTLINE_PKCS11_MODULE, its token in"
        " HALTLINE_PKCS11_TOKEN and the token's PIN in HALTLINE_PKCS11_PIN_FILE"
    )

ALLOWED_HOSTS = env.list("HALTLINE_HOSTS", default=[] if PRODUCTION else ["*"])
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("HALTLINE_HOSTS: name the hosts that browsers will ask for")
CSRF_TRUSTED_ORIGINS = env.list("HALTLINE_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # our own site alone: no app registers itself
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "guardian",
    "pgtrigger",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "django_structlog",
    "audit",
    "riskctl",
    "trading",
    "workers",
    "console",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "console.access.requests.RequestLog",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "console.access.middleware.DefaultDeny",
]
APPEND_SLASH = False  # every address takes both forms
CSRF_FAILURE_VIEW = "console.access.views.csrf_failure"
DJANGO_STRUCTLOG_USER_ID_FIELD = None  # a look-up in the database for a log line
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG

ROOT_URLCONF = "console.urls"
ASGI_APPLICATION = "console.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES = {
    "default": {
        **env.db_url("DATABASE_URL", "postgres://haltline@127.0.0.1:5432/haltline"),
        "CONN_MAX_AGE": 0,
        "ATOMIC_REQUESTS": False,
    }
}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {
        "connect_timeout": 3,
        "options": "-c lock_timeout=5s -c statement_timeout=30s"
        " -c idle_in_transaction_session_timeout=15s"
        " -c synchronous_commit=on",  # whatever the server's own is: committed means kept
        # No pool here: it does not survive a fork. The web process gets one (console.server).
    }
)
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
REDIS_OPTIONS: dict[str, Any] = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 5,
    "retry_on_timeout": True,
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "hl"},
    }
}

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "desk"
OTP_TOTP_ISSUER = "Haltline"
WEBAUTHN_RP_ID = env.str("HALTLINE_RP_ID", "")  # empty: passkeys are for the host asked for

ACCESS_REVIEW_DAYS = env.int("HALTLINE_ACCESS_REVIEW_DAYS", 90)
ACCESS_DORMANT_DAYS = env.int("HALTLINE_ACCESS_DORMANT_DAYS", 90)
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600  # from the password on, used or not
SESSION_IDLE_AGE = 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS != "off"
if TLS != "off":  # the prefix makes browsers refuse a cookie that another host or path planted
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SECURE_SSL_REDIRECT = TLS != "off"
SECURE_REDIRECT_EXEMPT = [r"^healthz(/|$)", r"^readyz/?$"]  # probes come without TLS
SECURE_HSTS_SECONDS = 31_536_000 if TLS != "off" else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = TLS != "off"
if TLS == "proxy":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DESK_ZONE = env.str("HALTLINE_ZONE", "America/New_York")
"""Where the desk sits: pages say times in UTC first, and in this zone second."""
if DESK_ZONE not in zoneinfo.available_timezones():
    raise ImproperlyConfigured(f"HALTLINE_ZONE is {DESK_ZONE!r}: name a zone as Europe/London")

STATIC_URL = "/static/"
STATIC_ROOT = HALTLINE_HOME / "static"
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]  # no app's own
# Third-party files that pages use, put there by the supervisor (workers.supervisor.assets).
STATICFILES_DIRS = [
    BASE_DIR / "static",
    *([HALTLINE_HOME / "assets"] if (HALTLINE_HOME / "assets").is_dir() else []),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "console.pages.storage.PageAssets"},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "console.api.authentication.TokenAuthentication",
        "console.api.authentication.SecondFactorSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["console.api.permissions.ReadAccess"],
    "DEFAULT_THROTTLE_CLASSES": ["console.api.throttles.RateLimit"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "console.api.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Haltline",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["console.api.permissions.ReadAccess"],
    "ENUM_NAME_OVERRIDES": {
        "OrderState": "trading.orders.states.OrderState",
        "Side": "trading.messages.Side",
        "DataStatus": ["fresh", "late", "stale", "dead"],
        "StageStatus": ["fresh", "late", "dead"],
        "ReadyStatus": ["ready", "not ready"],
        "AliveStatus": ["ok"],
    },
}

FEED = env.str("FEED", "simulated")
REPLAY_SPEED = env.str("REPLAY_SPEED", "1")
RECORDED = HALTLINE_HOME / "recorded"
RECORD_DAYS = env.int("HALTLINE_RECORD_DAYS", 30)  # 0: nothing is recorded
RECORD_MB = env.int("HALTLINE_RECORD_MB", 2_000)
PAPER_VENUE_ADDRESS = env.str("HALTLINE_PAPER_VENUE", "127.0.0.1:8099")
VENUE_CREDENTIALS_FILE = HALTLINE_HOME / "venue-credentials.json"
PAPER_VENUE_ACCOUNTS_FILE = HALTLINE_HOME / "papervenue" / "accounts.json"
SHARDS = env.int("HALTLINE_SHARDS", 2)

# The brakes: files that must be readable when nothing else answers (riskctl.brakes_home).
BRAKES_HOME = HALTLINE_HOME / "brakes"
CONTROL_HOST = env.str("HALTLINE_CONTROL_HOST", "127.0.0.1")
CONTROL_KEY = env.str("HALTLINE_CONTROL_KEY", "")  # empty: this home's own, made once
SIGNING_KEY = env.str("HALTLINE_SIGNING_KEY", "")  # PEM; empty: the file, made once
SIGNING_KEY_FILE = HALTLINE_HOME / "signing.pem"

# The record: what its log is called, what signs it, where it is kept (docs/audit-chain.md).
AUDIT_LOG = env.str("HALTLINE_AUDIT_LOG", "haltline.local/audit")
AUDIT_KEY = env.str("HALTLINE_AUDIT_KEY", "")  # PEM, the current one last; empty: the folder's
AUDIT_KEYS_FOLDER = Path(env.str("HALTLINE_AUDIT_KEYS", str(HALTLINE_HOME / "audit" / "keys")))
AUDIT_ANCHORS = env.list(
    "HALTLINE_AUDIT_ANCHORS", default=[str(HALTLINE_HOME / "audit" / "anchor.jsonl")]
)
AUDIT_WITNESS = env.str("HALTLINE_AUDIT_WITNESS", "")  # https://…, as C2SP's tlog-witness says
AUDIT_WITNESS_CA = env.str("HALTLINE_AUDIT_WITNESS_CA", "")
if PRODUCTION and len(set(AUDIT_ANCHORS)) + bool(AUDIT_WITNESS) < 2:
    raise ImproperlyConfigured(
        "HALTLINE_AUDIT_WITNESS: name an HTTPS witness, or a second file, on another disk, in"
        " HALTLINE_AUDIT_ANCHORS: whoever takes the one place of checkpoints can take the record"
    )

LOGGING = logs.LOGGING
logs.configure()
