"""What a running server stands on: settings, time, limits, TLS, the log, threads, the process.

It may import `crypto`, `index`, `protocol` and `model`, and is the one place besides `crypto` that
touches the `cryptography` package (for certificates). It must never see mail: what it is handed to
log, count or run passes through without being looked into.
"""
