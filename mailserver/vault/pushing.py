"""What push messages are sealed with, for the layers that see no cipher themselves."""

from mailserver.crypto.web_push import PushIdentity, PushKeys, encrypt

__all__ = ["PushIdentity", "PushKeys", "encrypt"]
