"""What goes wrong inside the engine, before it is known which operation of which system it hits."""

from __future__ import annotations

from enum import Enum

from erp.errors import BackendBusy, BackendDown, BackendRefused, BackendSlow, BadAnswer, ErpError


class Means(str, Enum):
    """What a failure means for whoever asked. The values are those of a profile's `means`."""

    EXPIRED = "expired"
    """Our session or token is not known any more."""
    REFUSED = "refused"
    DOWN = "down"
    BUSY = "busy"
    SLOW = "slow"
    NOT_FOUND = "not_found"
    """There are no rows; this is no error."""
    BAD = "bad"


class Failure(Exception):
    """A request that failed. `HttpEngine` turns it into one of `erp.errors`, and nobody else.

    detail: one sentence without personal data, secrets or values of a URL.
    retry_after_s: when the system said how long it wants to be left alone.
    """

    def __init__(self, means: Means, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(means.value, detail)
        self.means = means
        self.detail = detail
        self.retry_after_s = retry_after_s

    def again(self) -> Failure:
        """Return an equal failure, for another one who waited for the same thing."""
        return Failure(self.means, self.detail, self.retry_after_s)

    def as_error(self, system: str, operation: str) -> ErpError:
        """Return what the gateway gets."""
        if self.means is Means.BUSY:
            return BackendBusy(system, operation, self.detail, self.retry_after_s)
        return _ERRORS[self.means](system, operation, self.detail)


_ERRORS: dict[Means, type[ErpError]] = {
    Means.EXPIRED: BackendRefused,
    Means.REFUSED: BackendRefused,
    Means.DOWN: BackendDown,
    Means.SLOW: BackendSlow,
    Means.NOT_FOUND: BadAnswer,
    Means.BAD: BadAnswer,
}


def too_late() -> Failure:
    """Return the failure of a deadline that has passed."""
    return Failure(Means.SLOW, "no answer by the deadline")
