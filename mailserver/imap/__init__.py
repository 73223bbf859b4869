"""The IMAP edge: sockets on one side, the vocabulary of `mailserver.mail` on the other.

`listener` owns the sockets, `connection` moves octets between one of them and the sans-IO machine,
`session` keeps the protocol's state, `dispatch` hands each command to a function in a `commands_…`
module. What a client has been told lies in `view` and `updates`; `fetch`, `search` and `listing`
decide what a command needs and how its answer reads; `status` is the one place where a `Condition`
becomes an IMAP response.

May import: `mail` (accounts come in through an injected sign-in), `runtime`, `protocol.imap`,
`protocol.mime`, `model`. Must never see: the store, the vault, a cipher, a master key. It holds
mail as `Plaintext` only between opening and writing, and logs none of it.

The theory. A connection is an `asyncio.Protocol`, not a stream: an idle one is a few small objects
and no task. Octets become events in the machine; events that need no waiting are answered on the
spot, and the first that does starts the connection's one task, which lives until the queue is
empty. So a client's commands run one after another, in order, and a session never has two in it.
"""
