"""How often one network and one account may ask; the answer to more is 429 with a time to wait."""

from collections import OrderedDict
from http import HTTPStatus
from math import ceil

from starlette.types import ASGIApp, Receive, Scope, Send

from mailserver.model.errors import Condition
from mailserver.runtime.clock import Clock
from mailserver.runtime.limits import TokenBucket, network_of
from webui.errors import problem

KNOWN_AT_ONCE = 20_000
"""Of askers; beyond it those who were silent longest are forgotten, and begin with a full share."""


class Rates:
    """A bucket for each asker."""

    def __init__(self, most: int, clock: Clock, *, seconds: int = 60) -> None:
        """Allow `most` within so many seconds, with as many saved up; 0 allows everything."""
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._buckets: OrderedDict[object, TokenBucket] = OrderedDict()

    def wait_seconds(self, asker: object) -> float:
        """Count one request of `asker`; return 0 where it may be, else how long it has to wait."""
        if not self._most:
            return 0.0
        bucket = self._buckets.get(asker)
        if bucket is None:
            bucket = TokenBucket(self._most / self._seconds, self._most, self._clock)
            self._buckets[asker] = bucket
            if len(self._buckets) > KNOWN_AT_ONCE:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(asker)
        return 0.0 if bucket.try_take() else bucket.wait_seconds()


class NetworkRates:
    """Refuses a network that asks too often."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        """Stand before `app`."""
        self._app = app
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        client = scope.get("client")
        if scope["type"] in ("http", "websocket") and client is not None:
            seconds = self._rates.wait_seconds(network_of(client[0]))
            if seconds:
                answer = problem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "too many requests from this network",
                    condition=Condition.TRY_LATER,
                    headers={"Retry-After": str(ceil(seconds))},
                )
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
