"""What answers about TradingEngine documents look like."""

from rest_framework import serializers

from console.api.serializers import Shape, moment_field, text_field
from trading.engines.service import Applied
from trading.engines.standing import EngineStanding
from trading.models import EngineAlert


class SettingShape(Shape):
    name = text_field("A limit's kind, or size, type, account, instruments, parameters.")
    field = text_field("The field of the document that says it.")
    now = text_field("In force; null: not set, or there is no such strategy.", null=True)
    wanted = text_field("What the document says.")
    way = text_field("same, lower (done at once) or raise (takes two people)")


class ProblemShape(Shape):
    grade = text_field("error, warning or note")
    line = serializers.IntegerField(help_text="Of the document, from 1; 0: of no line.")
    field = text_field()
    text = text_field("What is wrong, and what to do.")


class GateShape(Shape):
    name = text_field()
    met = serializers.BooleanField()
    text = text_field("What was found; when it is not met, also what to do.")
    evidence = serializers.JSONField()


class VersionShape(Shape):
    engine = text_field(source="name")
    version = serializers.IntegerField(source="number")
    digest = text_field("SHA-256 of what it says.")
    made_by = text_field()
    made_at = moment_field()
    reason = text_field()


class StandingShape(Shape):
    engine = text_field(source="name")
    version = serializers.IntegerField(source="version.number")
    digest = text_field(source="version.digest")
    made_by = text_field(source="version.made_by")
    made_at = moment_field(source="version.made_at")
    state = text_field("in force, waits (for two people), differs, or unfit for this desk")
    why = text_field("Why it is unfit, or which stop that it says stands no longer; else empty.")
    asked = serializers.SerializerMethodField(help_text="The request that waits; null without.")

    def get_asked(self, row: EngineStanding) -> str | None:
        return str(row.asked.id) if row.asked else None


class EngineShape(StandingShape):
    settings = SettingShape(many=True)
    document = serializers.JSONField(source="version.document")
    text = text_field("YAML.", source="version.text")


class AppliedShape(Shape):
    engine = text_field(source="config.name")
    version = serializers.SerializerMethodField(help_text="null: a dry run.")
    settings = SettingShape(many=True, help_text="As they were before.")
    problems = ProblemShape(many=True, help_text="Warnings and notes.")
    conditions = GateShape(many=True, help_text="Of raising a riskLimit on real money; else none.")
    asked = serializers.SerializerMethodField(help_text="The request for what it raises, or null.")

    def get_version(self, row: Applied) -> int | None:
        return row.version.number if row.version else None

    def get_asked(self, row: Applied) -> str | None:
        return str(row.asked.id) if row.asked else None


class CheckShape(Shape):
    valid = serializers.BooleanField()
    problems = ProblemShape(many=True)
    settings = SettingShape(many=True, allow_null=True)


class EngineAlertShape(Shape):
    id = text_field()
    engine = text_field()
    alert = text_field("Its name in the document.")
    severity = text_field("critical, warning or info")
    condition = text_field()
    version = serializers.IntegerField(help_text="Of the document it was begun by.")
    values = serializers.JSONField(help_text="Of the names in its condition, when it began.")
    began_at = moment_field()
    ended_at = moment_field(null=True)
    status = serializers.SerializerMethodField(help_text="open or ended")

    def get_status(self, row: EngineAlert) -> str:
        return "open" if row.ended_at is None else "ended"


class BacktestShape(Shape):
    digest = text_field("SHA-256 of document, data, span, costs and code.")
    engine = text_field(source="name")
    document = text_field("The digest of the document: a version's.")
    first_day = serializers.DateField()
    last_day = serializers.DateField()
    made_by = text_field()
    made_at = moment_field()
    reason = text_field()
    figures = serializers.JSONField(source="body.figures")
    bound = serializers.JSONField(source="body.bound", help_text="All that it rests on.")


class ChangeShape(Shape):
    field = text_field("Names that lead to it, by blanks.", source="name")
    before = text_field(null=True)
    after = text_field(null=True)


class DiffShape(Shape):
    engine = text_field(source="name")
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    changes = ChangeShape(many=True)
