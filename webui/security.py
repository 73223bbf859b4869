"""Headers that every answer has, and how a request proves that our own page sent it.

Source: WEBUI §5; PRIVACY §6 (CSRF), §9.
"""

import hashlib
import hmac
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mailserver.model.sealed import Plaintext
from webui.site import Site

DOCUMENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self';"
    " frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types svelte-trusted-html app-url"
)
"""Of pages that are the web app (WEBUI §5)."""
WORKER_POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
"""Of scripts: those that run as workers are ruled by the policy they come with."""
_FRAME_POLICY = (
    "default-src 'none'; script-src {script}; style-src 'unsafe-inline'; img-src blob: data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self';"
    " require-trusted-types-for 'script'; trusted-types dompurify; sandbox {sandbox}"
)
"""Of the frames that show and edit what strangers wrote (WEBUI §4). Letters bring their own styles
along; in a sandbox of an opaque origin these reach nothing."""
NOTHING_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
)
"""Of whatever is no page: API answers, errors, files."""
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Of public pages without script."""
FORM_POLICY: Final = PAGE_POLICY.replace("form-action 'none'", "form-action 'self'")
"""Of those with a button."""

_OFF = (
    "accelerometer", "ambient-light-sensor", "attribution-reporting", "autoplay", "battery",
    "bluetooth", "browsing-topics", "camera", "compute-pressure", "cross-origin-isolated",
    "display-capture", "encrypted-media", "fullscreen", "gamepad", "geolocation", "gyroscope",
    "hid", "identity-credentials-get", "idle-detection", "interest-cohort", "keyboard-map",
    "local-fonts", "magnetometer", "microphone", "midi", "otp-credentials", "payment",
    "picture-in-picture", "screen-wake-lock", "serial", "speaker-selection", "storage-access",
    "sync-xhr", "usb", "web-share", "window-management", "xr-spatial-tracking",
)  # fmt: skip
PERMISSIONS: Final = ", ".join(
    [f"{name}=()" for name in _OFF]
    + ["clipboard-write=(self)"]
    + ["publickey-credentials-create=(self)", "publickey-credentials-get=(self)"]
)
HSTS: Final = "max-age=63072000; includeSubDomains"
ALWAYS: Final = (
    ("content-security-policy", NOTHING_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", PERMISSIONS),
    ("cache-control", "no-store"),
)
"""What stands in every answer where its route says nothing else."""
_RAW = [(name.encode(), value.encode()) for name, value in ALWAYS]
_RAW_HSTS = (b"strict-transport-security", HSTS.encode())

CSRF_HEADER: Final = "x-csrf-token"


def frame_policy(script: str, sandbox: str) -> str:
    """Return the policy of a frame that runs `script`, a URL, and may do what `sandbox` says."""
    return _FRAME_POLICY.format(script=script, sandbox=sandbox)


def csrf_token(session_secret: Plaintext) -> str:
    """Return the token that goes with a session: only a page of our origin can read and send it."""
    return hmac.digest(session_secret.reveal(), b"zegel csrf token", hashlib.sha256).hex()


def is_csrf_token(given: str | None, session_secret: Plaintext) -> bool:
    """Say whether a request's token is its session's."""
    return given is not None and hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), csrf_token(session_secret).encode()
    )


class Headers:
    """Adds `ALWAYS` to every answer, but for those fields that the route set itself."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        """Stand before `app`."""
        self._app = app
        self._raw = _RAW if site is Site.HTTP else [*_RAW, _RAW_HSTS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
                there = {name for name, _ in fields}
                fields += [field for field in self._raw if field[0] not in there]
                message["headers"] = fields
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


def allow_reading_by(headers: MutableHeaders, origin: str) -> None:
    """Let a page of `origin` read the answer. Source: Fetch standard, CORS protocol."""
    headers["access-control-allow-origin"] = origin
    headers["cross-origin-resource-policy"] = "cross-origin"
    headers.add_vary_header("Origin")
