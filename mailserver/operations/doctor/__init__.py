"""The doctor: whether a mail host and its domains are as the internet wants them.

It looks from where it runs: at DNS, at the listeners and the web, as internet.nl scores mail and
web sites, and at this machine's own files. What it finds are values (`finding`), which the command
line prints and others may show. It changes nothing, and sends nothing but questions.

- `finding` what is found, and how bad it is
- `domain` what a domain says in DNS: MX, SPF, DKIM, DMARC, MTA-STS, TLS-RPT, CAA, DNSSEC, SRV
- `host` where the mail host is: addresses, reverse names, DANE
- `tls` what the mail host shows: certificate, STARTTLS, versions
- `web` what the web listener says: header fields, security.txt
- `machine` what only this machine knows: separation of keys, files, disk, clock, listeners
- `examination` all of it at once
"""
