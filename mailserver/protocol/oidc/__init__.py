"""OpenID Connect from the side of the relying party: what is asked, and what an answer must say.

Sans-IO: documents, URLs and claims in, plain values out. Signatures are verified before claims come
here (`crypto/jose`), and who fetches what is `accounts/provider_keys`.

Only the authorization code flow, with PKCE; nothing here knows what an access token is for.
"""
