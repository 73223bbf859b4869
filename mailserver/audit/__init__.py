"""Who did what, and when, in an append-only chain; never to which text (PRIVACY §17).

It may import `vault`, `store`, `runtime`, `crypto` and `model`. `accounts`, `mail` and `operations`
write it. It must never see mail, a subject, a correspondent or a secret: an entry is an event, who
acted, on which account, plain facts (numbers, names of settings), and personal fields that are
sealed under a key of the account they speak of, so that erasing the account erases them while the
chain stays whole.

An audited action whose entry cannot be written does not happen.
"""
