"""The server put together: settings → store → services → listeners, and back down in order.

`house` opens what every command works with, `doors` the listeners, `serving` runs them until told
to stop. It may import everything below `cli`. It must never decide anything about a letter: it only
says who is handed what.
"""
