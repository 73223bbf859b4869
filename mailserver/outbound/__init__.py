"""The relay edge: takes due entries of the queue to other servers, with the TLS their domain asks.

`runner` keeps the due entries moving, `sending` takes one message to one destination: `route` finds
the hosts and what each must show (`security`), `pool` and `dial` open conversations, `client` and
`wire` hold them. `bounce` writes what the sender must know, `local` delivers what is ours,
`tls_results` is what reports are made of. It may import `mail`, `mailauth`, `protocol`, `runtime`
and `model`. It must never see a table or a key.
"""
