"""Sentences for `understanding.py`: what callers say in each state, and what they mean by it.

`TUNED` are sentences of the kind that templates were made of. `HELD_OUT` were written before the
templates were widened, and some were looked at while that was done; nobody looked at what became
of `FRESH` ones. `FOREIGN` ask for what the agent can't do. `READS` came with the questions for
prices, orders by number, tracking, histories and balances, `DESK` with the offer of a call-back.
Values only. `{item}` is an item number,
`{order}` an order's, `{day}` a day.
"""

from __future__ import annotations

from dataclasses import dataclass

from asterisk_agi.dialogue.events import Intent
from asterisk_agi.dialogue.state import StateName


@dataclass(frozen=True)
class Phrasing:
    """A sentence, where it is said, and what it means."""

    kind: str
    state: StateName
    intents: tuple[Intent, ...]
    """Any of these is right: the machine does the same with them."""
    text: str


_NUMBER = (Intent.ITEM_NUMBER, Intent.AVAILABILITY)
_UNKNOWN = (Intent.NOT_UNDERSTOOD, Intent.NOTHING)


def _all(
    kind: str, state: StateName, intents: tuple[Intent, ...], *texts: str
) -> tuple[Phrasing, ...]:
    return tuple(Phrasing(kind, state, intents, text) for text in texts)


TUNED = (
    *_all(
        "tuned",
        StateName.ASKING_ITEM,
        _NUMBER,
        *("{item}", "it's {item}", "item {item}", "the number is {item}", "item number {item}"),
        *("{item} please", "is item {item} in stock", "do you have item {item} by {day}"),
        *("item {item} by {day}", "how many of item {item} do you have"),
    ),
    *_all("tuned", StateName.ASKING_ITEM, (Intent.HUMAN,), "a colleague please"),
    *_all("tuned", StateName.ASKING_ITEM, (Intent.ORDER_STATUS,), "where is my order"),
    *_all("tuned", StateName.ASKING_ITEM, (Intent.HELP,), "i don't know the number"),
    *_all(
        "tuned",
        StateName.OFFERING_HUMAN,
        (Intent.YES,),
        *("yes", "yes please", "sure", "okay", "please do"),
    ),
    *_all(
        "tuned",
        StateName.OFFERING_HUMAN,
        (Intent.NO,),
        *("no", "no thanks", "no thank you", "not now"),
    ),
    *_all(
        "tuned",
        StateName.OFFERING_HUMAN,
        (*_UNKNOWN, Intent.ITEM_NUMBER),
        *("one", "two", "the first one", "number two please", "the second one", "number one"),
    ),
    *_all("tuned", StateName.LISTENING, (Intent.GOODBYE,), "goodbye", "no that's all thanks"),
    *_all("tuned", StateName.LISTENING, (Intent.HUMAN,), "can i speak to a human"),
    *_all("tuned", StateName.LISTENING, (Intent.REPEAT,), "say that again"),
    *_all("tuned", StateName.LISTENING, (Intent.DAY,), "and by {day}", "what about {day}"),
)

HELD_OUT = (
    *_all(
        "held out",
        StateName.LISTENING,
        (Intent.AVAILABILITY,),
        "good morning have you got any of item {item} at the moment",
        "i'm looking for item number {item} do you have that in stock",
        "could you check the stock of item {item} for me please",
        "how much of item {item} have you got left",
        "would item {item} be available by {day}",
        "hi i need to know whether {item} is available",
        "what's the stock level for part number {item}",
        "how many {item} do you have in stock",
        "can you deliver item {item} by {day}",
        "is there any stock of item {item} left",
        "can i get item {item} before {day}",
        "i want to know how many of {item} you have",
        "tell me how many of item {item} are available on {day}",
        "do you still have item {item}",
        "are you able to supply item {item} by {day}",
        "what quantity of item {item} do you have available",
        "i was wondering if you have got product {item}",
        "will you have item {item} in by {day}",
    ),
    *_all(
        "held out",
        StateName.LISTENING,
        (Intent.ORDER_STATUS,),
        "could you tell me where my last order is",
        "what's happening with my order",
        "i'd like an update on my order",
        "has my last order been sent out yet",
        "when can i expect my order",
    ),
    *_all("held out", StateName.LISTENING, (Intent.REPEAT,), "sorry could you say that once more"),
    *_all(
        "held out",
        StateName.LISTENING,
        (Intent.HUMAN,),
        "i'd rather talk to a real person",
        "can you put me through to someone in sales",
    ),
    *_all(
        "held out",
        StateName.LISTENING,
        (Intent.GOODBYE,),
        "okay that's everything thank you bye",
        "no that's it thanks",
    ),
    *_all(
        "held out",
        StateName.ASKING_ITEM,
        _NUMBER,
        "it's number {item}",
        "i meant item {item}",
        "the item number is {item}",
        "sorry it's {item}",
        "do you have {item} on {day}",
        "try {item}",
    ),
    *_all(
        "held out",
        StateName.ASKING_ITEM,
        (Intent.HUMAN, Intent.HELP),
        "i don't have the number can i talk to someone",
    ),
    *_all(
        "held out",
        StateName.OFFERING_HUMAN,
        (Intent.YES, Intent.HUMAN),
        "yes that would be great",
        "yes put me through please",
        "okay then",
    ),
    *_all(
        "held out",
        StateName.OFFERING_HUMAN,
        (Intent.NO,),
        "no it's all right",
        "no don't bother",
    ),
)

FRESH = (
    *_all(
        "fresh",
        StateName.LISTENING,
        (Intent.AVAILABILITY,),
        "do you have any {item} in stock",
        "could i get item {item} by {day}",
        "hello can you tell me how many of item {item} you have",
        "is item number {item} still available",
        "have you got item {item} in stock for {day}",
        "what's your stock of item {item}",
        "i'd like to know if item {item} will be available by {day}",
        "um do you have part number {item} please",
        "how many pieces of item {item} can i get by {day}",
        "is there enough of item {item} on {day}",
        "please check item {item}",
        "so is item {item} there on {day}",
    ),
    *_all(
        "fresh",
        StateName.LISTENING,
        (Intent.ORDER_STATUS,),
        "is there any news on my last order",
        "can you check the status of my order please",
        "i'm calling about my order",
        "did my order go out yet",
    ),
    *_all(
        "fresh",
        StateName.LISTENING,
        (Intent.HUMAN,),
        "i want to speak to somebody please",
    ),
    *_all(
        "fresh",
        StateName.ASKING_ITEM,
        _NUMBER,
        "yes it's item {item}",
        "the part number is {item}",
        "how about item {item} by {day}",
    ),
)

FOREIGN = _all(
    "foreign",
    StateName.LISTENING,
    _UNKNOWN,
    "is there a discount on item {item}",
    "i want to return item {item}",
    "cancel my order of item {item}",
    "how heavy is item {item}",
    "what color is item {item}",
    "my item {item} arrived broken",
    "i'd like to order ten of item {item} and ship them to boston",
    "what's the weather like on {day}",
    "do you sell garden furniture",
    "my invoice for item {item} is wrong",
)

READS = (
    *_all(
        "reads",
        StateName.LISTENING,
        (Intent.PRICE,),
        *("what does item {item} cost", "what is the price of item {item}", "price of {item}"),
        *("how much is item {item}", "how much are fifty of {item}", "how much is it"),
        "can you tell me the price of item number {item} please",
        "how much do you charge for item {item}",
    ),
    *_all(
        "reads",
        StateName.LISTENING,
        (Intent.ORDER, Intent.ORDER_NUMBER),
        *("where is order {order}", "what's the status of order {order}", "order {order} please"),
        *("has order {order} been shipped yet", "i have a question about order number {order}"),
        "when will order {order} arrive",
    ),
    *_all(
        "reads",
        StateName.LISTENING,
        (Intent.TRACKING,),
        *("track my order", "what's the tracking number of my last order"),
    ),
    *_all(
        "reads",
        StateName.LISTENING,
        (Intent.ORDER_TRACKING,),
        *("track order {order}", "tracking number of order {order}"),
        "i need the tracking number for order {order} please",
    ),
    *_all(
        "reads",
        StateName.LISTENING,
        (Intent.ORDER_HISTORY,),
        *("what are my recent orders", "list my orders", "my last orders please"),
        "what have i ordered recently",
    ),
    *_all(
        "reads",
        StateName.LISTENING,
        (Intent.BALANCE,),
        *("what do i owe", "my account balance", "what's the balance of my account please"),
        *("how much do i owe you", "what's my credit limit"),
    ),
    *_all(
        "reads",
        StateName.ASKING_ORDER,
        (Intent.ORDER_NUMBER, Intent.ORDER),
        *("{order}", "it's {order}", "order {order}", "the order number is {order}"),
        *("number {order} please", "order number {order}"),
    ),
    *_all(
        "reads",
        StateName.OFFERING_RETRY,
        (Intent.RETRY, Intent.YES),
        *("try again", "one", "yes please", "can you try again"),
    ),
    *_all("reads", StateName.OFFERING_RETRY, (Intent.NO,), "no thanks"),
    *_all("reads", StateName.OFFERING_RETRY, (Intent.HUMAN,), "a colleague please"),
)

DESK = (
    *_all(
        "desk",
        StateName.OFFERING_CALLBACK,
        (Intent.HOLD,),
        *("i'll hold", "i'll wait", "i'd rather wait", "hold please", "no i'll hold"),
        *("i can wait", "i'll stay on the line", "put me on hold", "i don't mind waiting"),
    ),
    *_all(
        "desk",
        StateName.OFFERING_CALLBACK,
        (Intent.CALL_BACK,),
        *("call me back", "yes call me back please", "a call back please", "please call me back"),
        *("i'd like a call back", "can someone call me back", "have a colleague call me back"),
        "yes please call me back later",
    ),
    *_all(
        "desk",
        StateName.OFFERING_CALLBACK,
        (Intent.LEAVE_MESSAGE,),
        *("leave a message", "i'll leave a message", "i'd like to leave a message", "a message"),
    ),
    *_all("desk", StateName.OFFERING_CALLBACK, (Intent.YES,), "yes", "yes please"),
    *_all("desk", StateName.OFFERING_CALLBACK, (Intent.NO,), "no", "no thank you"),
    *_all("desk", StateName.OFFERING_CALLBACK, (Intent.CHOICE,), "one", "two", "number two"),
    *_all(
        "desk",
        StateName.CONFIRMING_CALLBACK,
        (Intent.YES,),
        *("yes", "yes please", "that's right", "yes that's right", "correct"),
    ),
    *_all(
        "desk",
        StateName.CONFIRMING_CALLBACK,
        (Intent.NO,),
        *("no", "no thanks", "no that's not right", "no that's wrong"),
    ),
)

EVERY = (*TUNED, *HELD_OUT, *FOREIGN, *FRESH, *READS, *DESK)
