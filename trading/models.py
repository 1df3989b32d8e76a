"""The books: accounts, strategies, signals, orders, fills, positions, and what feeds told us."""

import pgtrigger
from django.db import models
from django.db.models import functions

from audit.models import append_only, refuse_truncate
from trading.messages import OrderType, Side, TimeInForce
from trading.orders.states import OrderState
from trading.strategies.outcomes import Outcome


def _choices(kind: type) -> list[tuple[str, str]]:
    return [(str(one), str(one)) for one in kind]  # type: ignore[attr-defined]


class Money(models.DecimalField):  # type: ignore[type-arg]
    """Exact decimal wide enough for any price, size, notional or PnL of the desk."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**{"max_digits": 36, "decimal_places": 12, **kwargs})  # type: ignore[arg-type]


class VenueAccount(models.Model):
    """One account at one venue. Its credentials are not here: only its gateway can read them."""

    name = models.SlugField(primary_key=True)
    venue = models.CharField(max_length=40, help_text="Name of the venue, as people know it.")
    adapter = models.CharField(
        max_length=120, help_text="Dotted path of its trading.venues.base.Venue."
    )
    address = models.CharField(max_length=200, help_text="host:port")
    live = models.BooleanField(default=False, help_text="Orders reach a real venue.")
    rehearsal = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True,
        help_text="Paper account on which its strategies climb the rung 'paper'.",
    )  # fmt: skip

    def __str__(self) -> str:
        return self.name


class Strategy(models.Model):
    """One strategy of one trader, trading some symbols on one venue account."""

    class Kind(models.TextChoices):
        MOMENTUM = "momentum"
        MEAN_REVERSION = "mean-reversion"
        MARKET_MAKING = "market-making"
        ARBITRAGE = "arbitrage"

    key = models.SlugField(primary_key=True)
    kind = models.CharField(max_length=24, choices=Kind)
    owner = models.CharField(max_length=150, help_text="User name of the trader.")
    account = models.ForeignKey(VenueAccount, models.PROTECT)
    symbols = models.JSONField(help_text="List of symbols.")
    parameters = models.JSONField(default=dict, help_text="Read by trading.strategies.parameters.")
    size_notional = Money(help_text="Target position per symbol when a signal is on, USD.")
    shard = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1, help_text="Grows when its size is set.")

    class Meta:
        ordering = ["key"]
        verbose_name_plural = "strategies"
        permissions = [
            ("pause_strategy", "Can pause strategy"),
            ("resume_strategy", "Can resume strategy"),
            ("resize_strategy", "Can resize strategy"),
        ]

    def __str__(self) -> str:
        return self.key


class Signal(models.Model):
    """A strategy changed its mind about one symbol."""

    id = models.CharField(primary_key=True, max_length=40)
    strategy = models.ForeignKey(Strategy, models.PROTECT)
    symbol = models.CharField(max_length=24)
    direction = models.SmallIntegerField(help_text="-1 short, 0 flat, 1 long")
    score = models.FloatField(help_text="In units of the strategy's own threshold.")
    confidence = models.FloatField(help_text="0 to 1")
    horizon_s = models.FloatField()
    price = Money(help_text="Mid when it was made.")
    spread = Money(null=True, help_text="Ask less bid then: what acting on it costs.")
    feed_time = models.DateTimeField()
    created_at = models.DateTimeField()
    latency_us = models.BigIntegerField(help_text="Tick published to signal made.")
    outcome = models.CharField(
        max_length=8, blank=True, choices=_choices(Outcome),
        help_text="Empty: its horizon has not passed, or it says out, which is no forecast.",
    )  # fmt: skip
    outcome_price = Money(null=True, help_text="Mid at its horizon; None: not known.")
    outcome_time = models.DateTimeField(null=True, help_text="Feed time of that quote.")

    class Meta:
        indexes = [models.Index(fields=["-created_at"], name="signal_newest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(outcome__in=["", "unknown"])
                | models.Q(outcome__in=["hit", "miss", "flat"], outcome_price__isnull=False),
                name="signal_outcome_priced",
            ),
            models.CheckConstraint(
                condition=models.Q(direction__in=[-1, 0, 1]), name="signal_direction"
            ),
            models.CheckConstraint(
                condition=models.Q(confidence__gte=0, confidence__lte=1), name="signal_confidence"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id} {self.symbol} {self.direction}"


class Order(models.Model):
    """One order intent and what became of it. Moves only by trading.orders.states."""

    client_order_id = models.CharField(primary_key=True, max_length=64)
    intent_id = models.CharField(max_length=64, unique=True)
    correlation_id = models.CharField(max_length=64, db_index=True)
    account = models.ForeignKey(VenueAccount, models.PROTECT)
    strategy = models.ForeignKey(
        Strategy, models.PROTECT, null=True, help_text="None: a position nobody's books hold."
    )
    symbol = models.CharField(max_length=24)
    side = models.CharField(max_length=4, choices=_choices(Side))
    order_type = models.CharField(max_length=8, choices=_choices(OrderType))
    time_in_force = models.CharField(max_length=4, choices=_choices(TimeInForce))
    quantity = Money()
    limit_price = Money(null=True)
    stop_price = Money(null=True)
    reduce_only = models.BooleanField(
        default=False, help_text="The venue must refuse what would not reduce."
    )
    life_ms = models.PositiveIntegerField(
        default=0, db_default=0, help_text="A quote: taken back after this long. 0: it rests on."
    )
    post_only = models.BooleanField(
        default=False, db_default=False, help_text="Denied where it would trade at once."
    )
    expires_at = models.DateTimeField(
        null=True, help_text="Good till then: the venue ends what is left."
    )
    warrant = models.UUIDField(null=True, help_text="Ordered by a person, not by the strategy.")
    reference_price = Money(help_text="Mid the strategy saw.")
    state = models.CharField(max_length=20, choices=_choices(OrderState))
    filled = Money(default=0)
    filled_value = Money(default=0, help_text="Sum of quantity times price of its fills.")
    fees = Money(default=0)
    venue_order_id = models.CharField(max_length=64, blank=True)
    reason_code = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    shard = models.CharField(max_length=40)
    shard_token = models.BigIntegerField()
    tick_time = models.DateTimeField(help_text="Feed time of the tick it rests on.")
    not_after = models.DateTimeField(null=True, help_text="The venue must refuse it after this.")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    tick_to_send_us = models.BigIntegerField(null=True)
    send_to_answer_us = models.BigIntegerField(null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "client_order_id"], name="order_newest"),
            models.Index(
                fields=["account"],
                name="order_open",
                condition=models.Q(
                    state__in=[
                        "pending", "working", "partially-filled", "cancel-pending", "unknown",
                    ]
                ),
            ),
        ]  # fmt: skip
        constraints = [
            models.CheckConstraint(
                condition=models.Q(filled__gte=0, filled__lte=models.F("quantity")),
                name="order_not_overfilled",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0), name="order_quantity_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client_order_id} {self.side} {self.quantity} {self.symbol}: {self.state}"


class Fill(models.Model):
    """One execution, applied once. ``order`` is empty for a fill that nobody ordered."""

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    venue_fill_id = models.CharField(max_length=64)
    sequence = models.BigIntegerField(help_text="The venue's number, without a gap per account.")
    order = models.ForeignKey(Order, models.PROTECT, null=True)
    strategy = models.ForeignKey(Strategy, models.PROTECT, null=True)
    symbol = models.CharField(max_length=24)
    side = models.CharField(max_length=4, choices=_choices(Side))
    quantity = Money()
    price = Money()
    fee = Money()
    fee_currency = models.CharField(max_length=8)
    venue_time = models.DateTimeField()
    feed_time = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "venue_fill_id"], name="fill_once"),
            models.UniqueConstraint(fields=["account", "sequence"], name="fill_sequence_once"),
            models.CheckConstraint(
                condition=models.Q(quantity__gt=0), name="fill_quantity_positive"
            ),
        ]
        indexes = [models.Index(fields=["-recorded_at", "-id"], name="fill_newest")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            refuse_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} #{self.sequence} {self.side} {self.quantity} {self.symbol}"


class Position(models.Model):
    """Running position of one strategy in one symbol, written with each fill.

    ``cost`` is the signed cost of what is open (quantity times price times multiplier);
    average price is cost / (quantity * multiplier). Instrument currency throughout.
    """

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    strategy = models.ForeignKey(Strategy, models.PROTECT)
    symbol = models.CharField(max_length=24)
    quantity = Money(default=0)
    cost = Money(default=0)
    realised = Money(default=0, help_text="Before fees.")
    fees = Money(default=0)
    turnover = Money(default=0, help_text="Sum of absolute traded value.")
    fills = models.PositiveIntegerField(default=0)
    last_sequence = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "strategy", "symbol"], name="position_one_per_strategy_symbol"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.strategy_id} {self.quantity} {self.symbol}"


class PnlPoint(models.Model):
    """A strategy's PnL at a moment, USD; drawn as its line of the day."""

    strategy = models.ForeignKey(Strategy, models.CASCADE)
    at = models.DateTimeField()
    feed_time = models.DateTimeField()
    realised = Money()
    unrealised = Money()
    fees = Money()
    gross = Money()
    net = Money()

    class Meta:
        indexes = [models.Index(fields=["strategy", "-at"], name="pnl_point_newest")]

    def __str__(self) -> str:
        return f"{self.strategy_id} at {self.at}"


class PricePoint(models.Model):
    """The mid of a traded symbol at a moment; drawn under a strategy's signals and fills."""

    symbol = models.CharField(max_length=24)
    at = models.DateTimeField()
    mid = Money()

    class Meta:
        indexes = [models.Index(fields=["symbol", "-at"], name="price_point_newest")]

    def __str__(self) -> str:
        return f"{self.symbol} {self.mid} at {self.at}"


class FeedSession(models.Model):
    """One run of a feed: what it read, what it passed on and what it refused, by reason."""

    id = models.UUIDField(primary_key=True)
    spec = models.TextField(help_text="As given in FEED.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    state = models.JSONField(default=dict, help_text="As under hl:feed:state; saved every second.")

    class Meta:
        get_latest_by = "started_at"

    def __str__(self) -> str:
        return f"{self.spec} from {self.started_at}"


class FeedReject(models.Model):
    """A refused line or quote, kept as an example (at most 1,000 per session and reason)."""

    session = models.ForeignKey(FeedSession, models.CASCADE)
    source = models.CharField(max_length=200)
    line = models.BigIntegerField()
    symbol = models.CharField(max_length=24, blank=True)
    reason = models.CharField(max_length=24)
    detail = models.TextField()

    def __str__(self) -> str:
        return f"{self.source} line {self.line}: {self.reason}"


class VenueReading(models.Model):
    """What the venue said it holds for an account, asked by the gateway."""

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    taken_at = models.DateTimeField()
    fill_sequence = models.BigIntegerField(help_text="Last fill that the reading includes.")
    positions = models.JSONField()
    open_orders = models.JSONField()
    balances = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["account", "-taken_at"], name="venue_reading_newest")]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.taken_at}"


class BooksCheck(models.Model):
    """Positions recomputed from the fills by other code, and compared to ours and the venue's."""

    at = models.DateTimeField()
    agrees = models.BooleanField()
    fills = models.BigIntegerField()
    differences = models.JSONField(default=list)

    class Meta:
        get_latest_by = "at"

    def __str__(self) -> str:
        return f"{self.at}: {'agrees' if self.agrees else 'differs'}"


class Reconciliation(models.Model):
    """One comparison of a venue account with our books: positions, orders, fills, cash."""

    account = models.ForeignKey(VenueAccount, models.PROTECT)
    at = models.DateTimeField(help_text="When the venue's reading began.")
    agrees = models.BooleanField(help_text="No break at all.")
    compared = models.JSONField(help_text="How many of each were compared.")
    breaks = models.JSONField(default=list, help_text="Keys of the breaks found.")
    asked_by = models.CharField(max_length=150, help_text="schedule, or who asked")

    class Meta:
        indexes = [models.Index(fields=["account", "-at"], name="reconciliation_newest")]

    def __str__(self) -> str:
        return f"{self.account_id} at {self.at}: {'agrees' if self.agrees else 'breaks'}"


class Break(models.Model):
    """A difference between the venue and our books, from when it was first seen to its end."""

    class What(models.TextChoices):
        POSITION = "position"
        ORDER = "order"
        FILL = "fill"
        CASH = "cash"

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(VenueAccount, models.PROTECT)
    what = models.CharField(max_length=8, choices=What)
    key = models.CharField(max_length=80, help_text="Symbol, order, fill or currency.")
    ours = models.TextField()
    theirs = models.TextField()
    value = Money(null=True, help_text="USD at the latest mid; None: it cannot be valued.")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    accepted = models.UUIDField(null=True, help_text="The approval by which two people took it.")

    class Meta:
        ordering = ["-first_seen"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "what", "key"],
                condition=models.Q(ended_at=None),
                name="break_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.what} {self.key}"


class EngineVersion(models.Model):
    """One TradingEngine document as it was given, for the strategy of its name. Never changed."""

    name = models.SlugField(help_text="metadata.name: the strategy's key, made or to be made.")
    number = models.PositiveIntegerField(help_text="Counts from 1 for each name.")
    text = models.TextField(help_text="YAML, as given.")
    document = models.JSONField(help_text="The same as JSON.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what the document says.")
    made_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    made_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        ordering = ["name", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["name", "number"], name="engine_version_once"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"


class BacktestReport(models.Model):
    """What one backtest came to, bound to document, data, costs and code. Never changed."""

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of all it rests on.")
    name = models.SlugField(help_text="metadata.name of the document.")
    document = models.CharField(max_length=64, help_text="As EngineVersion.digest.")
    first_day = models.DateField()
    last_day = models.DateField()
    body = models.JSONField(help_text="What it rests on, and its figures.")
    made_by = models.CharField(max_length=150)
    reason = models.TextField(blank=True)
    made_at = models.DateTimeField(db_default=functions.Now())

    class Meta:
        indexes = [models.Index(fields=["name", "-made_at"], name="backtest_newest")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.name}, {self.first_day} to {self.last_day}"


class EngineAlert(models.Model):
    """An alert of a document, from when its condition was first true to when it was not."""

    id = models.UUIDField(primary_key=True)
    engine = models.SlugField()
    alert = models.CharField(max_length=300, help_text="Its name in the document.")
    severity = models.CharField(max_length=8)
    condition = models.TextField()
    version = models.PositiveIntegerField(help_text="Of the document it was begun by.")
    values = models.JSONField(help_text="Of the names in its condition, when it began.")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["-began_at", "id"], name="engine_alert_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["engine", "alert"], condition=models.Q(ended_at=None),
                name="engine_alert_open_once",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.engine} {self.alert}"
