"""Settings, from the environment; secure by default. An unsafe production does not start.

``HALTLINE_ENV`` is ``demo`` (default) or ``production``. Secrets may be given as ``NAME`` or
as ``NAME_FILE``.
"""

import secrets
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

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
elif not SECRET_KEY:
    SECRET_KEY = secrets.token_urlsafe(48)  # sessions of a process started by hand end with it

ALLOWED_HOSTS = env.list("HALTLINE_HOSTS", default=[] if PRODUCTION else ["*"])
CSRF_TRUSTED_ORIGINS = env.list("HALTLINE_ORIGINS", default=[])

INSTALLED_APPS = [
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
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

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
        " -c idle_in_transaction_session_timeout=15s",
        # A pool belongs to the web process alone: it does not survive a fork.
        **(
            {"pool": {"min_size": 1, "max_size": 8, "timeout": 5}}
            if env.bool("HALTLINE_DB_POOL", False)
            else {}
        ),
    }
)
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
REDIS_OPTIONS = {
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

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TLS != "off"
SECURE_SSL_REDIRECT = TLS != "off"
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

STATIC_URL = "/static/"
STATIC_ROOT = HALTLINE_HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "console.api.authentication.TokenAuthentication",
        "console.api.authentication.SecondFactorSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["console.api.permissions.ReadAccess"],
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
}

FEED = env.str("FEED", "simulated")
REPLAY_SPEED = env.str("REPLAY_SPEED", "1")
PAPER_VENUE_ADDRESS = env.str("HALTLINE_PAPER_VENUE", "127.0.0.1:8099")
VENUE_CREDENTIALS_FILE = HALTLINE_HOME / "venue-credentials.json"
SHARDS = env.int("HALTLINE_SHARDS", 2)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processor": "structlog.processors.JSONRenderer",
            "foreign_pre_chain": [],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
