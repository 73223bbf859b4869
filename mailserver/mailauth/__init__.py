"""Mail authentication: SPF, DKIM, DMARC and ARC, verified on the way in, made on the way out.

Ours rather than a library's, since those that exist are stale. Each module is one RFC, takes plain
values and a resolver, and returns a verdict that says why; `authentication_results` writes them
down. It may import `crypto`, `runtime`, `protocol` and `model`. It must never see an account, a key
of the store or a socket: DNS is asked through `runtime.resolver` alone, and the web for nothing but
MTA-STS policies, by `mta_sts_fetch`.
"""
