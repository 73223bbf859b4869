"""vCards (RFC 6350): read of versions 2.1 to 4.0, written as 4.0, from and to the cards of JMAP."""
