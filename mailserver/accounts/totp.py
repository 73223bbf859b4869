"""One-time codes from a shared seed and the time: 30 seconds, 6 digits, one step either way.

Source: RFC 6238 §4, §5.2; RFC 4226 §5.3.
"""

import base64
import io
import secrets
from datetime import datetime, timedelta

import pyotp
import segno

from mailserver.model.sealed import Plaintext

STEP = timedelta(seconds=30)
SEED_OCTETS = 20  # RFC 4226 §4, R6: 160 bits are recommended
WINDOW = 1  # steps before and after: clocks differ, and people type
DIGITS = 6
ISSUER = "Zegel"


def new_seed() -> bytes:
    """Make a seed."""
    return secrets.token_bytes(SEED_OCTETS)


def taken_step(seed: bytes, code: Plaintext, now: datetime, *, after: int) -> int | None:
    """Return the step whose code this is; None if it is none, or of a step not later than `after`.

    Whoever takes a code keeps its step, and passes it as `after` from then on: each code once.

    Source: RFC 6238 §5.2.
    """
    typed = "".join(code.reveal().decode("ascii", "replace").split())
    generator = pyotp.TOTP(_base32(seed), digits=DIGITS, interval=int(STEP.total_seconds()))
    current = int(now.timestamp() // STEP.total_seconds())
    found = None
    for step in range(current - WINDOW, current + WINDOW + 1):  # all of them: equal time
        at = generator.generate_otp(step)
        if secrets.compare_digest(at.encode(), typed.encode("utf-8", "replace")) and step > after:
            found = step
    return found


def secret_text(seed: bytes) -> Plaintext:
    """Write a seed as people type it: base32 in groups of four."""
    text = _base32(seed)
    return Plaintext(" ".join(text[n : n + 4] for n in range(0, len(text), 4)).encode())


def key_uri(seed: bytes, address: str) -> Plaintext:
    """Return the address that authenticator apps read from a QR code."""
    return Plaintext(
        pyotp.TOTP(_base32(seed)).provisioning_uri(name=address, issuer_name=ISSUER).encode()
    )


def qr_svg(uri: Plaintext) -> Plaintext:
    """Draw a QR code as an SVG image, without styles or scripts."""
    drawn = io.BytesIO()
    segno.make(uri.reveal().decode(), error="m", micro=False).save(
        drawn, kind="svg", scale=4, border=4, xmldecl=False, nl=False, omitsize=False
    )
    return Plaintext(drawn.getvalue())


def _base32(seed: bytes) -> str:
    return base64.b32encode(seed).decode().rstrip("=")
