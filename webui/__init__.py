"""Zegel's webmail, APIs and console: HTTP edges over the services that SMTP and IMAP stand on.

It may import mailserver.{mail, accounts, privacy, operations, transfer, runtime, model} only,
and must never see the store, the vault or a cipher. The server loads it by the entry point group
`zegel.doors` and hands over what it may use (`webui.services`).

    doors.py     which listeners are open           server.py, wire.py   uvicorn in our own loop
    site.py      which site a request is for        app.py               an application a site
    layers       access → headers → faults → proxy → host → rates → csrf → bounds → routes
    public/      what needs no sign-in              jmap/, account/      the APIs
    bundle.py    the built web app, in memory       pages.py             where it is sent
    spa/         its sources                        front_end.py, dev.py what builds it
"""
