"""Results as an ERP gives them, and a call that is driven event by event."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TypeVar

from asterisk_agi.dialogue import machine
from asterisk_agi.dialogue.desk import DeskState
from asterisk_agi.dialogue.effects import Effect, Line, LineKind, Say
from asterisk_agi.dialogue.events import (
    Answer,
    CallAnswered,
    CallbackPlanned,
    DeskTold,
    Event,
    Intent,
    KeyPressed,
    LookupOutcome,
    Meaning,
    QueryAnswered,
    QueryFailed,
    TurnHeard,
)
from asterisk_agi.dialogue.state import CallState, DialogueSettings, People, StateName
from dialplan.reasons import Reason
from erp.model import (
    Availability,
    Customer,
    Delivery,
    DeliveryState,
    Item,
    Money,
    NotFound,
    OrderHistory,
    OrderLine,
    OrderState,
    OrderStatus,
    OrderSummary,
    Price,
    Quantity,
    Receipt,
    Source,
    Tracking,
)

TODAY = date(2026, 11, 21)
"""A Saturday."""
FRIDAY = date(2026, 11, 27)
SETTINGS = DialogueSettings(company="Acme Supplies")
NOW = datetime(2026, 11, 21, 9, 20, tzinfo=timezone.utc)
"""Twenty minutes after everything was read."""
E = TypeVar("E")


def source(operation: str = "availability", fallback: bool = False) -> Source:
    read_at = datetime(2026, 11, 21, 9, tzinfo=timezone.utc)
    return Source("tryton", operation, "record,1", read_at, not fallback, fallback)


def answered(answer: Answer) -> QueryAnswered:
    return QueryAnswered(answer, NOW)


def customer(contact: str = "Anna Berg", name: str = "Northwind", account: str = "C1") -> Customer:
    return Customer(account, account, name, contact, source("customers_by_phone"))


ANNA = customer()
BOB = customer("Bob Cole", "Southwind", "C2")


def units(amount: int | str, unit: str = "Unit") -> Quantity:
    return Quantity(Decimal(amount), unit)


def available(
    amount: int | str = 70,
    number: str = "4521",
    on: date = TODAY,
    incoming: tuple[Receipt, ...] = (),
    unit: str = "Unit",
    *,
    old_item: bool = False,
) -> Availability:
    item = Item("17", number, "M8 hex bolt", unit, source("find_item", old_item))
    return Availability(item, on, units(amount, unit), (), incoming, source())


def price(
    amount: str = "0.42",
    currency: str = "USD",
    quantity: str = "1",
    number: str = "4521",
    fallback: bool = False,
) -> Price:
    item = Item("17", number, "M8 hex bolt", "piece", source("find_item"))
    each = Money(Decimal(amount), currency)
    return Price(item, units(quantity, "piece"), each, source("price", fallback))


def order(
    state: OrderState = OrderState.PARTLY_SHIPPED,
    delivery_on: date | None = date(2026, 11, 24),
    lines: int = 2,
    number: str = "SO1042",
) -> OrderStatus:
    line = OrderLine("4521", "M8 hex bolt", units(50))
    ordered_on = date(2026, 11, 12)
    return OrderStatus(
        "9", number, ordered_on, state, delivery_on, (line,) * lines, source("last_order")
    )


def history(count: int, state: OrderState = OrderState.SHIPPED) -> OrderHistory:
    orders = tuple(
        OrderSummary(str(n), str(2040 - n), date(2026, 11, 20 - n), state) for n in range(count)
    )
    return OrderHistory(orders, source("order_history"))


def delivery(
    state: DeliveryState = DeliveryState.SHIPPED,
    *,
    planned_on: date | None = None,
    shipped_on: date | None = date(2026, 11, 20),
    carrier: str = "Parcel Post",
    reference: str = "PP40137",
) -> Delivery:
    return Delivery("1", "D1", state, planned_on, shipped_on, carrier, reference)


def tracking(*deliveries: Delivery, number: str = "2034") -> Tracking:
    return Tracking(number, deliveries, source("tracking"))


def not_found(wanted: str = "item 9999", operation: str = "find_item") -> NotFound:
    return NotFound(wanted, source(operation))


PHONE = "+12125550101"
AT = datetime(2026, 11, 21, 14, 30, tzinfo=timezone.utc)
"""The time of a call-back: the afternoon of the same day."""
BUSY = DeskState(
    known=True, staffed=2, wait_s=230.0, callback_at=AT, voicemail=True, now=NOW
)
"""All talk; holding, a call-back and a message can be had."""


class Call:
    """A call in progress; keeps every effect."""

    def __init__(
        self, settings: DialogueSettings = SETTINGS, people: People | None = None
    ) -> None:
        self.state: CallState = machine.start(settings, people)
        self.effects: tuple[Effect, ...] = ()
        self.history: list[Effect] = []

    @property
    def name(self) -> StateName:
        return self.state.name

    def feed(self, *events: Event) -> Call:
        for event in events:
            self.state, self.effects = machine.step(self.state, event, TODAY)
            self.history.extend(self.effects)
        return self

    def answer(self, *customers: Customer, lookup: LookupOutcome = LookupOutcome.DONE) -> Call:
        return self.feed(CallAnswered(lookup, customers))

    def hear(
        self,
        intent: Intent,
        item_number: str | None = None,
        day: date | None = None,
        *,
        choice: int | None = None,
        amount: int | None = None,
        order: str | None = None,
        text: str = "words",
    ) -> Call:
        meaning = Meaning(intent, text, item_number, day, choice, amount, 1.0, True, order)
        return self.feed(TurnHeard(meaning))

    def press(self, keys: str) -> Call:
        return self.feed(*(KeyPressed(key) for key in keys))

    @property
    def lines(self) -> tuple[Line, ...]:
        """What the last event made us say."""
        return tuple(
            line for effect in self.effects if isinstance(effect, Say) for line in effect.lines
        )

    @property
    def said(self) -> str:
        return " ".join(line.text for line in self.lines)

    @property
    def facts(self) -> list[str]:
        return [line.text for line in self.lines if line.kind is LineKind.FACT]

    def only(self, kind: type[E]) -> E:
        """Return the one effect of this kind that the last event had."""
        found = [effect for effect in self.effects if isinstance(effect, kind)]
        assert len(found) == 1, self.effects
        return found[0]

    def has(self, kind: type[object]) -> bool:
        return any(isinstance(effect, kind) for effect in self.effects)


def asking_desk(number: str = PHONE) -> Call:
    """Return the call of a caller who wants a human, of whom the desk is being asked."""
    return Call(people=People(asked=True, number=number)).answer(ANNA).hear(Intent.HUMAN)


def at_desk(name: StateName) -> Call:
    """Return a call in a state in which the desk was asked, by events alone."""
    call = asking_desk("" if name is StateName.KEYING_NUMBER else PHONE)
    if name is StateName.ASKING_DESK:
        return call
    call.feed(DeskTold(BUSY))
    if name is not StateName.OFFERING_CALLBACK:
        call.hear(Intent.CALL_BACK)
    if name in (StateName.CONFIRMING_CALLBACK, StateName.BOOKING_CALLBACK):
        call.feed(CallbackPlanned(PHONE, AT))
    if name is StateName.BOOKING_CALLBACK:
        call.hear(Intent.YES)
    assert call.name is name
    return call


AT_DESK = (
    StateName.ASKING_DESK,
    StateName.OFFERING_CALLBACK,
    StateName.KEYING_NUMBER,
    StateName.CONFIRMING_CALLBACK,
    StateName.BOOKING_CALLBACK,
)


def in_state(name: StateName) -> Call:
    """Return a call that came to a state by events alone."""
    if name in AT_DESK:
        return at_desk(name)
    call = Call()
    if name is StateName.GREETING:
        return call
    if name is StateName.CHOOSING_CONTACT:
        return call.answer(ANNA, BOB).hear(Intent.ORDER_STATUS)
    call.answer(ANNA)
    if name is StateName.ASKING_ITEM:
        call.hear(Intent.AVAILABILITY)
    elif name is StateName.ASKING_ORDER:
        call.hear(Intent.ORDER)
    elif name is StateName.KEYPAD:
        call.press("4")
    elif name is StateName.CHECKING:
        call.hear(Intent.AVAILABILITY, "4521")
    elif name is StateName.OFFERING_HUMAN:
        call.hear(Intent.ORDER_STATUS).feed(QueryFailed(Reason.BACKEND_SLOW))
    elif name is StateName.OFFERING_RETRY:
        call.hear(Intent.AVAILABILITY, "4521").feed(QueryFailed(Reason.BACKEND_SLOW, keypad=True))
    elif name is StateName.ENDING:
        call.hear(Intent.GOODBYE)
    assert call.name is name
    return call
