"""Where gateways are reached, and the steps of proof that a stop is what it says."""

import pgtrigger
from django.db import models
from django.db.models import functions

from audit.models import refuse_truncate


class GatewayRegister(models.Model):
    """The newest gateway of a venue account: where its control socket is, and what it is."""

    account = models.CharField(max_length=80, primary_key=True)
    address = models.CharField(max_length=120, help_text="host:port of its control socket.")
    place = models.CharField(max_length=120, help_text="Boot of the host and its pid namespace.")
    pid = models.IntegerField()
    start_ticks = models.BigIntegerField()
    token = models.BigIntegerField()
    journal = models.UUIDField(help_text="Names the journal on its disk.")
    registered_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.account} at {self.address}"


class ReceiptStep(models.Model):
    """One proven step of a hold's receipt, signed by who proved it. Its id is that of the fact."""

    id = models.UUIDField(primary_key=True)
    hold = models.UUIDField(help_text="No reference: the hold may be written later than its step.")
    name = models.CharField(max_length=24)
    account = models.CharField(max_length=80, blank=True)
    happened_at = models.DateTimeField()
    body = models.BinaryField(help_text="Canonical bytes, signed as stored.")
    signature = models.BinaryField()
    key_id = models.CharField(max_length=32)
    recorded_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        indexes = [models.Index(fields=["hold", "happened_at"], name="receipt_step_of_hold")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.hold} {self.name} {self.account}"
