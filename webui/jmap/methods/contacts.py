"""AddressBook and ContactCard: /get, /changes, /query, /set (RFC 9610; cards are RFC 9553's).

Cards are kept as their clients wrote them, sealed under the owner's key; what is searched is
searched in memory, while their owner is there.
"""

import secrets

from mailserver.mail.records import RecordsChange, Value
from mailserver.model.record import RecordKind
from webui.jmap import card_filter, record_query, records
from webui.jmap.changing import Query, QueryChanges
from webui.jmap.context import Context
from webui.jmap.copying import Copy, copy
from webui.jmap.errors import SetError
from webui.jmap.getting import Get
from webui.jmap.record_query import Queried
from webui.jmap.records import Changes, RecordType
from webui.jmap.registry import Capability, Method, Module, Properties
from webui.jmap.setting import Set, wrong

NAME_OCTETS = 255
CARD_OCTETS = 256 * 1024  # with a small photo
_RIGHTS = {"mayRead": True, "mayWrite": True, "mayShare": False, "mayDelete": True}
_BOOK = ("name", "description", "sortOrder", "isDefault", "isSubscribed", "shareWith", "myRights")


class BookSet(Set):
    """The arguments of AddressBook/set."""

    on_destroy_remove_contents: bool = False
    on_success_set_is_default: str | None = None


async def _checked_book(_context: Context, given: Value, old: Value | None) -> Value:
    value = {**_BOOK_DEFAULTS, **given}
    for name in value:
        if name not in _BOOK:
            raise wrong(name, "there is no such property")
    for name, fixed in (("myRights", _RIGHTS), ("shareWith", None)):
        if value.pop(name) != fixed:
            raise wrong(name, "the server sets this")
    if value["isDefault"] is not bool(old and old["isDefault"]):
        raise wrong("isDefault", "the server sets this")
    if not isinstance(value.get("name"), str) or not value["name"]:
        raise wrong("name", "an address book has a name")
    if len(value["name"].encode("utf-8", "replace")) > NAME_OCTETS:
        raise wrong("name", "this is too long")
    _check_types(value)
    return value


def _check_types(book: Value) -> None:
    if not isinstance(book["description"], str | None):
        raise wrong("description", "this is a text or null")
    if not isinstance(book["isSubscribed"], bool):
        raise wrong("isSubscribed", "this is true or false")
    order = book["sortOrder"]
    if not isinstance(order, int) or isinstance(order, bool) or not 0 <= order < 1 << 31:
        raise wrong("sortOrder", "this is a number from 0")


async def _checked_card(context: Context, given: Value, old: Value | None) -> Value:
    value = {"@type": "Card", "version": "1.0", **given}
    if value["@type"] != "Card":
        raise wrong("@type", "this is a Card")
    if value["version"] not in ("1.0", "2.0"):
        raise wrong("version", "this version is not known")
    if old is None:
        value.setdefault("uid", f"urn:uuid:{_uuid()}")
    if not isinstance(value.get("uid"), str) or (old is not None and value["uid"] != old["uid"]):
        raise wrong("uid", "a card keeps its uid")
    for name in card_filter.OBJECTS:
        if not isinstance(value.get(name, {}), dict):
            raise wrong(name, "this is an object")
    if len(str(value)) > CARD_OCTETS:
        raise SetError("tooLarge", maxSize=CARD_OCTETS)
    books = value.get("addressBookIds")
    if not isinstance(books, dict) or not books or any(v is not True for v in books.values()):
        raise wrong("addressBookIds", "a card is in one address book at least")
    value["addressBookIds"] = {context.real_id(name): True for name in books}
    _, there = await context.account.records.all(RecordKind.ADDRESS_BOOK)
    if any(BOOKS.number(name) not in there for name in value["addressBookIds"]):
        raise wrong("addressBookIds", "there is no such address book")
    return value


def _uuid() -> str:
    digits = secrets.token_hex(16)
    digits = f"{digits[:12]}4{digits[13:16]}8{digits[17:]}"  # RFC 9562 §5.4
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


_BOOK_DEFAULTS: Value = {
    "description": None,
    "sortOrder": 0,
    "isDefault": False,
    "isSubscribed": True,
    "shareWith": None,
    "myRights": _RIGHTS,
}
BOOKS = RecordType(RecordKind.ADDRESS_BOOK, "A", _BOOK_DEFAULTS, _checked_book, _BOOK)
CARDS = RecordType(RecordKind.CARD, "C", {}, _checked_card)


async def _begin(context: Context) -> None:
    """Make the first address book, where there never was one."""
    state = await context.account.records.state(RecordKind.ADDRESS_BOOK)
    if state.modseq == 0:
        first = {**_BOOK_DEFAULTS, "name": "Contacts", "isDefault": True}
        del first["shareWith"], first["myRights"]
        change = RecordsChange(create=[first])
        await context.account.records.write(RecordKind.ADDRESS_BOOK, change, expected=state.modseq)


async def _get_books(context: Context, arguments: Get) -> Properties:
    await _begin(context)
    return await records.get(context, arguments, BOOKS)


async def _book_changes(context: Context, arguments: Changes) -> Properties:
    await _begin(context)
    return await records.changes(context, arguments, BOOKS)


async def _set_books(context: Context, arguments: BookSet) -> Properties:
    await _begin(context)
    kept = await _emptied(context, arguments)
    wanted = [name for name in arguments.destroy or [] if name not in kept]
    plain = Set(
        account_id=arguments.account_id,
        if_in_state=arguments.if_in_state,
        create=arguments.create,
        update=arguments.update,
        destroy=wanted,
    )
    answer = await records.set_(context, plain, BOOKS)
    if kept:
        errors = {name: error.members for name, error in kept.items()}
        answer["notDestroyed"] = (answer["notDestroyed"] or {}) | errors
    chosen = arguments.on_success_set_is_default
    if chosen is not None and not (answer["notCreated"] or answer["notUpdated"] or kept):
        await _set_default(context, context.created_ids.get(chosen.removeprefix("#"), chosen))
        now = await context.account.records.state(RecordKind.ADDRESS_BOOK)
        answer["newState"] = str(now.modseq)
    return answer


async def _emptied(context: Context, arguments: BookSet) -> dict[str, SetError]:
    """Take cards out of books that are to go; return the books that must stay for their cards."""
    kept: dict[str, SetError] = {}
    state, cards = await context.account.records.all(RecordKind.CARD)
    doomed = set(arguments.destroy or [])
    change = RecordsChange()
    for number, card in cards.items():
        inside = doomed & card["addressBookIds"].keys()
        if inside and not arguments.on_destroy_remove_contents:
            kept |= {name: SetError("addressBookHasContents") for name in inside}
        elif inside:
            left = {name: True for name in card["addressBookIds"] if name not in inside}
            if left:
                change.update[number] = {**card, "addressBookIds": left}
            else:
                change.destroy.append(number)
    await context.account.records.write(RecordKind.CARD, change, expected=state.modseq)
    return kept


async def _set_default(context: Context, name: str) -> None:
    state, books = await context.account.records.all(RecordKind.ADDRESS_BOOK)
    chosen = BOOKS.number(name)
    if chosen not in books:
        return
    change = RecordsChange(
        update={
            number: {**book, "isDefault": number == chosen}
            for number, book in books.items()
            if book["isDefault"] != (number == chosen)
        }
    )
    await context.account.records.write(RecordKind.ADDRESS_BOOK, change, expected=state.modseq)


async def _get_cards(context: Context, arguments: Get) -> Properties:
    return await records.get(context, arguments, CARDS)


async def _card_changes(context: Context, arguments: Changes) -> Properties:
    return await records.changes(context, arguments, CARDS)


async def _set_cards(context: Context, arguments: Set) -> Properties:
    await _begin(context)
    return await records.set_(context, arguments, CARDS)


QUERIED = Queried(CARDS, card_filter.condition, card_filter.KEYS)


async def _query_cards(context: Context, arguments: Query) -> Properties:
    return await record_query.query(context, arguments, QUERIED)


async def _card_query_changes(context: Context, arguments: QueryChanges) -> Properties:
    return await record_query.query_changes(context, arguments, QUERIED)


MODULE = Module(
    Capability(
        "urn:ietf:params:jmap:contacts",
        account=lambda _context: {"maxAddressBooksPerCard": None, "mayCreateAddressBook": True},
    ),
    (
        Method("AddressBook/get", Get, _get_books),
        Method("AddressBook/changes", Changes, _book_changes),
        Method("AddressBook/set", BookSet, _set_books),
        Method("ContactCard/get", Get, _get_cards),
        Method("ContactCard/changes", Changes, _card_changes),
        Method("ContactCard/query", Query, _query_cards),
        Method("ContactCard/queryChanges", QueryChanges, _card_query_changes),
        Method("ContactCard/set", Set, _set_cards),
        Method("ContactCard/copy", Copy, copy),
    ),
    types=("AddressBook", "ContactCard"),
)
