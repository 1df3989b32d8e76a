"""The record as a whole: how it stands."""

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.standing import record_standing
from console.api.audit import AnchoredShape, RecordView
from console.api.base import described
from console.api.serializers import Shape, moment_field, text_field
from console.models import ApiToken
from trading.clock import utc_now


class VerificationShape(Shape):
    begun_at = moment_field()
    ended_at = moment_field()
    asked_by = text_field()
    whole = serializers.BooleanField()
    entries = serializers.IntegerField(help_text="How many were checked.")
    signed = serializers.IntegerField(help_text="How many of them are signed.")
    first_bad = serializers.IntegerField(allow_null=True, help_text="Index of the first bad one.")
    last_bad = serializers.IntegerField(
        allow_null=True, help_text="Of a range in which the first bad one lies."
    )
    why = text_field("Empty: whole.")


class RecordShape(Shape):
    status = serializers.ChoiceField(
        ("whole", "not-whole", "unknown"),
        help_text="unknown: nothing was signed, or not for five minutes.",
    )
    why = text_field("Why it is not whole, or not known.")
    checkpoint = text_field("The newest, a signed note (C2SP).", null=True)
    size = serializers.IntegerField(allow_null=True, help_text="Entries under it.")
    signed_at = moment_field(null=True)
    compared_at = moment_field("When the stored tree was found to be the signed one.", null=True)
    checked_since = serializers.IntegerField(
        allow_null=True, help_text="Where the last check of all entries ended."
    )
    checked_to = serializers.IntegerField(
        allow_null=True, help_text="Entries from there to below this were checked just now."
    )
    waiting = serializers.IntegerField(help_text="Entries that have no place yet; 1000: or more.")
    role_may_only_add = serializers.BooleanField(
        help_text="false: the desk's database role could rewrite the record (DATABASE_OWNER_URL)."
    )
    anchors = AnchoredShape(many=True)
    verification = VerificationShape(allow_null=True, help_text="The last check of all entries.")
    alarm = text_field("The last since that check, of who signs, anchors or checks; else empty.")
    key_id = text_field("Of the key in force.")
    public_key = text_field("PEM: what the verifier takes as --key.")


class RecordVerify(RecordView):
    read_scopes = frozenset({ApiToken.Scope.READ.value})

    @described(
        RecordShape,
        "Whether the record is whole: the newest checkpoint and where it is kept, whether the "
        "stored tree still is the signed one (looked at now), what the last check of all entries "
        "found (made every night, or by manage.py audit_verify), and whether those that came "
        "since are as they were placed (up to 500 looked at now).",
        name="audit_verify",
    )
    def get(self, request: Request) -> Response:
        found = record_standing(utc_now())
        signed = found.checkpoint
        return Response(RecordShape({
            "status": found.status, "why": found.why, "waiting": found.waiting,
            "checkpoint": signed.note if signed else None, "size": signed.size if signed else None,
            "signed_at": found.signed_at, "anchors": found.kept, "verification": found.verified,
            "compared_at": found.compared_at,
            "checked_since": found.seen.since if found.seen else None,
            "checked_to": found.seen.upto if found.seen else None,
            "alarm": found.alarm.reason if found.alarm else "",
            "key_id": found.key_id, "public_key": found.public_pem,
            "role_may_only_add": not found.powers,
        }).data)  # fmt: skip
