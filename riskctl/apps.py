from django.apps import AppConfig


class RiskctlConfig(AppConfig):
    name = "riskctl"
    default_auto_field = "django.db.models.BigAutoField"
