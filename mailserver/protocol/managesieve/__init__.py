"""ManageSieve's grammar (RFC 5804): octets in, commands out, replies written; no sockets."""
