"""Running: doors open, background work done, signals heard, and everything down in order."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from typing import Any

from mailserver.accounts.erasures import Erasures
from mailserver.app.alarms import watch
from mailserver.app.doors import Hall, open_doors
from mailserver.app.house import House, open_house
from mailserver.app.metrics import Metrics, count_in
from mailserver.app.orders import Part
from mailserver.app.personal import export_desk
from mailserver.app.registers import later
from mailserver.app.relay import relay
from mailserver.app.signals import heard
from mailserver.app.workers import lead
from mailserver.mail.office import Office
from mailserver.mail.spam import FLUSH
from mailserver.model.errors import MailError, Misconfigured
from mailserver.operations.first_run import make_certificate
from mailserver.operations.vitals import Vitals
from mailserver.runtime.background import Background, background
from mailserver.runtime.door import Door
from mailserver.runtime.limits import Budget, Connections
from mailserver.runtime.log import configure, get_logger
from mailserver.runtime.process import collect_rarely
from mailserver.runtime.rates import Paces
from mailserver.runtime.settings import Limits, Settings, Tls
from mailserver.runtime.tls import ServerTls
from mailserver.store.keystore import FRESH

TEND_AUDIT = timedelta(seconds=1)
PURGE = timedelta(minutes=1)  # what was put off because the keystore was busy
FETCH = timedelta(seconds=15)  # how soon what is due is fetched from external accounts
LOOK_AT_CERTIFICATE = timedelta(minutes=1)
SWEEP = timedelta(days=1)
COUNT = timedelta(minutes=1)  # how often what is counted for reports is written down
REPORT = timedelta(minutes=10)  # how soon after a day's end its reports are written, or again
NOTE = timedelta(seconds=5)  # how late a failed sign-in is in its owner's history
ALERT = timedelta(minutes=10)  # how soon what is wrong is told
EXPIRE = timedelta(minutes=10)  # how long an upload stays at most after its hour
PEERS_AT_LEAST = 4  # it takes to hold all the room there is for messages on their way in
LOCK_FILE = "serving.lock"

log = get_logger("app")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the fastest event loop there is here; None for asyncio's own."""
    if find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


async def serve(
    settings: Settings,
    announce: Callable[[Sequence[Door]], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or `stop`; `announce` is told the doors when all are open.

    With more than one worker in the settings this process only leads them.

    Raises:
        MailError: it cannot begin; the sentence says what to mend.
    """
    stop = stop or asyncio.Event()
    with _alone(settings):
        if settings.workers > 1:
            configure(level=settings.log.level)
            _load_certificate(settings)  # made, or found wanting, before any worker
            await lead(settings, announce, stop)
        else:
            await serve_part(settings, announce, stop, Part())


async def serve_part(
    settings: Settings, announce: Callable[[Sequence[Door]], None], stop: asyncio.Event, part: Part
) -> None:
    """Serve in this process alone, as `part` of a server whose data directory is held already.

    Raises:
        MailError: it cannot begin; the sentence says what to mend.
    """
    asyncio.get_running_loop().set_exception_handler(_log_incident)
    certificate = _load_certificate(settings)
    async with open_house(settings) as house, background() as tasks:
        with heard(stop, lambda: _reload_now(certificate)):
            async with running(house, tasks, certificate, part) as doors:
                log.info("serving", doors=len(doors))
                collect_rarely()
                announce(doors)
                await stop.wait()
                log.info("stopping")
    log.info("stopped")


@asynccontextmanager
async def running(
    house: House, tasks: Background, certificate: ServerTls | None, part: Part | None = None
) -> AsyncIterator[list[Door]]:
    """Open the doors of `house` and look after it in `tasks`, for the length of a block."""
    limits, part = house.settings.limits, part or Part()
    paces, metrics = Paces.of(limits, house.clock), _metrics(house, part)
    hall = Hall(
        house=house,
        office=Office(house.store, house.offload, tasks, junk=house.spam.learned),
        exports=export_desk(house, tasks.create_task),
        certificate=certificate.context if certificate else None,
        budget=_budget(limits),
        connections=Connections(limits.connections, limits.connections_per_address, paces.may_come),
        paces=paces,
        shares_ports=part.shares_ports,
        metrics=metrics,
    )
    if part.sweeps:
        await house.books.processing.record()  # what cannot be accounted for is not served
    await house.outgoing.begin()
    _begin_work(house, tasks, part)
    if metrics is not None:
        count_in(metrics, tasks)
    if certificate is not None:
        tasks.create_task(tasks.every(LOOK_AT_CERTIFICATE, _reload_task(certificate)))
    async with open_doors(hall) as doors:
        yield doors
    await house.reports.ledger.flush()
    await house.books.traces.flush()
    await house.desk.history.write()


def _metrics(house: House, part: Part) -> Metrics | None:
    """Make what counts for scrapes, where the settings want it."""
    settings = house.settings
    if settings.listeners.metrics.address is None:
        return None
    vitals = Vitals(settings, house.store, house.keystore, house.offload)
    return Metrics(part, settings.data_dir / "metrics", vitals, house.books, house.clock)


def _begin_work(house: House, tasks: Background, part: Part) -> None:
    """Begin all that is done regularly."""
    tasks.create_task(relay(house, tasks.create_task, observe=house.reports.observe).run())
    tasks.create_task(house.sessions.watch())
    tasks.create_task(house.desk.web_sessions.watch())
    erasures = Erasures(house.keystore, house.keyring, house.delivery, house.people.notices)
    tasks.create_task(tasks.every(FRESH, erasures.look))
    tasks.create_task(tasks.every(PURGE, house.keyring.clear))
    tasks.create_task(tasks.every(TEND_AUDIT, house.chain.tend))
    fetch = partial(house.external.begin_due, tasks.create_task)
    tasks.create_task(tasks.every(FETCH, fetch))
    tasks.create_task(tasks.every(FLUSH, house.spam.flush))
    tasks.create_task(tasks.every(NOTE, house.desk.history.write))
    tasks.create_task(tasks.every(COUNT, house.reports.ledger.flush))
    tasks.create_task(tasks.every(FRESH, house.books.traces.beat))
    if part.sweeps and house.settings.relays:
        tasks.create_task(tasks.every(REPORT, house.reports.sending.send_due))
    watching = watch(house)
    house.outgoing.on_lost = watching.alerts.lost
    if part.sweeps:
        tasks.create_task(later(tasks, ALERT, watching.look))
        tasks.create_task(tasks.every(EXPIRE, house.store.uploads.sweep))
        tasks.create_task(tasks.every(SWEEP, house.signing_keys.tend))
        house.books.tend(tasks)


def serving_since(settings: Settings) -> float | None:
    """Say when the server that holds this data directory began, in seconds since 1970; None: none.

    It has read every file that is older.
    """
    path = settings.data_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
    return None


def _budget(limits: Limits) -> Budget:
    """Make the room that messages being received share; a peer has a quarter, or one message."""
    whole = limits.in_flight_octets
    return Budget(whole, max(whole // PEERS_AT_LEAST, limits.message_octets))


def _load_certificate(settings: Settings) -> ServerTls | None:
    """Load the certificate, if any listener needs one."""
    on = [door for door in settings.listeners.named().values() if door.address is not None]
    if all(door.tls is Tls.NONE for door in on):
        return None
    if make_certificate(settings):
        log.warning("self-signed certificate made")
    return ServerTls(settings.tls.certificate, settings.tls.private_key)


def _reload_task(certificate: ServerTls) -> Callable[[], Any]:
    async def reload() -> None:
        if certificate.reload_if_changed():
            log.info("certificate reloaded")

    return reload


def _reload_now(certificate: ServerTls | None) -> None:
    try:
        if certificate is not None:
            certificate.reload()
            log.info("certificate reloaded")
    except MailError as error:
        log.error("certificate not reloaded", condition=error.condition)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the data directory: a second server on one SQLite file would lose its own changes.

    Of several processes of one server the parent holds it.

    Raises:
        Misconfigured: another server holds it, or it cannot be written.
    """
    path = settings.data_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Misconfigured(
            f"data_dir: {settings.data_dir} cannot be written; `zegel migrate` makes it"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(
                f"data_dir: another server is running on {settings.data_dir}"
            ) from error
        os.utime(descriptor)  # for `serving_since`; before any key is read
        yield
    finally:
        os.close(descriptor)


def _log_incident(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody caught: the error's class and place, for its words may quote mail."""
    log.error("uncaught in a callback", exc_info=context.get("exception"))
