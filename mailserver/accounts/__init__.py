"""People and credentials: making accounts, signing in, and what opens or ends.

A sign-in *is* the successful opening of a wrap (PRIVACY §1), so no second proof exists to steal.
This package carries rows between the keystore and the vault, which ignore each other.

It may import `audit`, `vault`, `store`, `runtime`, `crypto` and `model`. It must never see mail: of
an open account it holds the vault's `UnlockedAccount`, and asks it to open and to close only.
"""
