"""JMAP: the one HTTP mail API (RFC 8620, RFC 8621 and what builds on them).

    request.py     a request out of its JSON, and its result references; pure
    registry.py    what a method and a capability are     methods/   a module a data type
    dispatch.py    calls in order → responses             session.py what the server can do
    routes.py      POST /jmap, upload, download, events, WebSocket
    blobs.py       blob identifiers → octets              push.py    changes → StateChange

A method takes typed arguments and a `Context`, and returns the arguments of its response. It works
on an opened account of `mailserver.mail`; it never sees HTTP, rows or keys.
"""
