"""vCard 4.0 (RFC 6350), written from the cards of JMAP (RFC 9553, 9555); no sockets."""
