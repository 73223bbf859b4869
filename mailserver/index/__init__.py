"""The search index of one account, as pure functions from text to octets and back.

A *document* is the normalised text of one message in its own zstd frame; a *tail* is one sealed
document, a *segment* many of them side by side. Searching is a substring scan over the opened
text, so it has IMAP's semantics in every language and needs no token on disk.

It may import the model and zstandard. It must never see a key or a ciphertext: the vault seals
what it returns, and what it is given has been opened.
"""
