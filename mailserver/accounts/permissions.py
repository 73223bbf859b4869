"""Which role may do what: the one table that `/api/admin` asks, and that tests read.

No permission opens a letter: there is none to give. Source: PRIVACY §11.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from mailserver.vault.administrators import AdminRole

__all__ = ["MATRIX", "AdminRole", "Permission", "may"]

_ALL = frozenset(AdminRole)
_OWNER, _OPS, _HELP = AdminRole.OWNER, AdminRole.MAIL_OPS, AdminRole.HELPDESK
_OFFICER, _AUDITOR = AdminRole.PRIVACY_OFFICER, AdminRole.AUDITOR


class Permission(StrEnum):
    """What an endpoint asks for."""

    SELF = "self"
    """One's own session and factors."""
    HEALTH_READ = "health:read"
    ACCOUNTS_READ = "accounts:read"
    """Status, quota, the day of the last sign-in, kinds of factors."""
    ACCOUNTS_WRITE = "accounts:write"
    DOMAINS_READ = "domains:read"
    DOMAINS_WRITE = "domains:write"
    QUEUE_READ = "queue:read"
    QUEUE_WRITE = "queue:write"
    BACKUPS_READ = "backups:read"
    AUDIT_READ = "audit:read"
    REQUESTS_READ = "requests:read"
    REQUESTS_WRITE = "requests:write"
    REGISTERS_READ = "registers:read"
    REGISTERS_WRITE = "registers:write"
    RETENTION_READ = "retention:read"
    RETENTION_WRITE = "retention:write"
    ADMINS_READ = "admins:read"
    ADMINS_WRITE = "admins:write"


MATRIX: Mapping[Permission, frozenset[AdminRole]] = {
    Permission.SELF: _ALL,
    Permission.HEALTH_READ: _ALL,
    Permission.ACCOUNTS_READ: frozenset({_OWNER, _OPS, _HELP, _OFFICER}),
    Permission.ACCOUNTS_WRITE: frozenset({_OWNER, _OPS}),
    Permission.DOMAINS_READ: frozenset({_OWNER, _OPS, _HELP, _AUDITOR}),
    Permission.DOMAINS_WRITE: frozenset({_OWNER, _OPS}),
    Permission.QUEUE_READ: frozenset({_OWNER, _OPS}),
    Permission.QUEUE_WRITE: frozenset({_OWNER, _OPS}),
    Permission.BACKUPS_READ: frozenset({_OWNER, _OPS, _OFFICER, _AUDITOR}),
    Permission.AUDIT_READ: frozenset({_OWNER, _OFFICER, _AUDITOR}),
    Permission.REQUESTS_READ: frozenset({_OWNER, _OFFICER, _AUDITOR}),
    Permission.REQUESTS_WRITE: frozenset({_OWNER, _OFFICER}),
    Permission.REGISTERS_READ: frozenset({_OWNER, _OFFICER, _AUDITOR}),
    Permission.REGISTERS_WRITE: frozenset({_OWNER, _OFFICER}),
    Permission.RETENTION_READ: frozenset({_OWNER, _OFFICER, _AUDITOR}),
    Permission.RETENTION_WRITE: frozenset({_OWNER, _OFFICER}),
    Permission.ADMINS_READ: frozenset({_OWNER, _AUDITOR}),
    Permission.ADMINS_WRITE: frozenset({_OWNER}),
}


def may(roles: Collection[AdminRole], permission: Permission) -> bool:
    """Say whether one of `roles` has a permission."""
    return not MATRIX[permission].isdisjoint(roles)
