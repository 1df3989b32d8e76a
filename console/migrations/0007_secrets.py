"""Factor seeds are sealed: the column takes ciphertext, and nothing else."""

from django.db import migrations, transaction

from audit.key_source import key_store
from audit.sealing import key_of, seal, unseal
from console.access.seal_lock import sealing

# django-otp's column is varchar(80), enough for a seed in the clear. Its model is told nothing: a
# length is checked by forms alone, and no form writes this column.
WIDEN = "ALTER TABLE otp_totp_totpdevice ALTER COLUMN key TYPE text"
NARROW = "ALTER TABLE otp_totp_totpdevice ALTER COLUMN key TYPE varchar(80)"
ONLY_SEALED = (
    "ALTER TABLE otp_totp_totpdevice ADD CONSTRAINT seed_is_sealed"
    " CHECK (key ~ '^hl1[.][a-z0-9-]{1,40}[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+$')"
)
ANYTHING = "ALTER TABLE otp_totp_totpdevice DROP CONSTRAINT seed_is_sealed"


def _bound(device):
    return {"what": "factor-seed", "whose": f"user:{device.user_id}"}


def seal_all(apps, schema_editor):
    rows = apps.get_model("otp_totp", "TOTPDevice").objects.select_for_update()
    for device in rows.order_by("pk"):
        if not key_of(device.key):
            with transaction.atomic():
                sealing()
                plain = bytes.fromhex(device.key)
                device.key = seal(plain, **_bound(device), store=key_store())
                device.save(update_fields=["key"])


def open_all(apps, schema_editor):
    rows = apps.get_model("otp_totp", "TOTPDevice").objects.select_for_update()
    for device in rows.order_by("pk"):
        device.key = unseal(device.key, **_bound(device), store=key_store()).hex()
        device.save(update_fields=["key"])


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0006_roles"),
    ]

    operations = [
        migrations.RunSQL(WIDEN, NARROW),
        migrations.RunPython(seal_all, open_all),
        migrations.RunSQL(ONLY_SEALED, ANYTHING),
    ]
