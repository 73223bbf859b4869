"""Charset labels as mail uses them → text; every octet string decodes to something.

Only the codecs listed here are ever called: Python knows others under innocent names that are
slow, or no character sets at all. Labels and their meanings follow the WHATWG Encoding standard
(Latin-1 and US-ASCII mean windows-1252 there, as they do in practice), and UTF-7, which old mail
still contains (RFC 2152).
"""

_LABELS = {
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 utf-8n",
    "cp1252": "us-ascii ascii iso-8859-1 iso8859-1 iso_8859-1 iso88591 latin1 latin-1 l1 cp1252 "
    "windows-1252 x-cp1252 ansi_x3.4-1968 cp819 ibm819 iso-ir-100 iso_8859-1:1987 csisolatin1 "
    "iso646-us 646 us ansi_x3.110-1983",
    "iso8859-2": "iso-8859-2 iso8859-2 iso_8859-2 iso88592 latin2 l2 csisolatin2 iso-ir-101",
    "iso8859-3": "iso-8859-3 iso8859-3 iso_8859-3 latin3 l3 csisolatin3",
    "iso8859-4": "iso-8859-4 iso8859-4 iso_8859-4 latin4 l4 csisolatin4",
    "iso8859-5": "iso-8859-5 iso8859-5 iso_8859-5 cyrillic csisolatincyrillic",
    "iso8859-6": "iso-8859-6 iso8859-6 iso_8859-6 arabic asmo-708 csisolatinarabic iso-8859-6-i",
    "iso8859-7": "iso-8859-7 iso8859-7 iso_8859-7 greek greek8 ecma-118 elot_928 csisolatingreek",
    "iso8859-8": "iso-8859-8 iso8859-8 iso_8859-8 hebrew iso-8859-8-i iso-8859-8-e logical visual",
    "iso8859-10": "iso-8859-10 iso8859-10 latin6 l6",
    "iso8859-13": "iso-8859-13 iso8859-13",
    "iso8859-14": "iso-8859-14 iso8859-14",
    "iso8859-15": "iso-8859-15 iso8859-15 iso_8859-15 iso885915 l9 latin9 latin-9 csisolatin9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "koi8-r koi8 koi koi8_r cskoi8r",
    "koi8-u": "koi8-u koi8-ru",
    "mac-roman": "macintosh mac x-mac-roman csmacintosh",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "cp437": "cp437 ibm437",
    "cp850": "cp850 ibm850",
    "cp866": "ibm866 cp866 866 csibm866",
    "cp874": "windows-874 tis-620 iso-8859-11 iso8859-11 dos-874",
    "cp1250": "windows-1250 cp1250 x-cp1250",
    "cp1251": "windows-1251 cp1251 x-cp1251 win-1251",
    "cp1253": "windows-1253 cp1253 x-cp1253",
    "cp1254": "windows-1254 cp1254 x-cp1254 iso-8859-9 iso8859-9 iso_8859-9 latin5 l5 csisolatin5",
    "cp1255": "windows-1255 cp1255 x-cp1255",
    "cp1256": "windows-1256 cp1256 x-cp1256",
    "cp1257": "windows-1257 cp1257 x-cp1257",
    "cp1258": "windows-1258 cp1258 x-cp1258",
    "gb18030": "gb18030 gbk gb2312 gb_2312-80 chinese csgb2312 x-gbk cp936 gb_2312 euc-cn",
    "hz": "hz-gb-2312 hz",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5 cp950",
    "euc-jp": "euc-jp x-euc-jp cseucpkdfmtjapanese",
    "iso2022-jp-2": "iso-2022-jp csiso2022jp iso-2022-jp-2 iso-2022-jp-1",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j csshiftjis ms932 cp932",
    "cp949": "euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 korean windows-949 cseuckr "
    "iso-ir-149 cp949",
    "iso2022-kr": "iso-2022-kr csiso2022kr",
    "utf-16": "utf-16 unicode ucs-2 iso-10646-ucs-2",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "utf-32": "utf-32",
    "utf-7": "utf-7 unicode-1-1-utf-7 csunicode11utf7 x-unicode-2-0-utf-7",
}
_CODECS = {label.encode(): codec for codec, labels in _LABELS.items() for label in labels.split()}


def guess(octets: bytes) -> str:
    """Decode octets of unknown charset: UTF-8 if they are that, else windows-1252."""
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        if error.start >= len(octets) - 3 and not octets[: error.start].isascii():
            return octets.decode("utf-8", "replace")  # UTF-8 that was cut short
        return octets.decode("cp1252", "replace")


def is_text(octets: bytes, label: bytes | None) -> bool:
    """Say whether `octets` are whole text of the charset that their label names, and it is known.

    Without a label they are US-ASCII (RFC 2045 §5.2), or UTF-8 (RFC 6532).
    """
    codec = "utf-8" if label is None else _CODECS.get(label.strip(b" \t\"'").lower())
    if codec is None:
        return False
    try:
        octets.decode(codec)
    except UnicodeDecodeError:
        return codec == "cp1252" and "\ufffd" not in guess(octets)
    return True


def decode(octets: bytes, label: bytes | None) -> str:
    """Decode `octets` by their charset label (any case, quotes allowed); never fails.

    What the charset has no character for becomes U+FFFD; the result has no lone surrogates. An
    unknown or missing label is guessed, and so is one that says Latin-1 or US-ASCII, for octets
    that are valid UTF-8 beyond ASCII are hardly ever anything else.
    """
    codec = _CODECS.get(label.strip(b" \t\"'").lower()) if label else None
    if codec is None or codec == "cp1252":
        return guess(octets)
    text = octets.decode(codec, "replace")
    if codec == "utf-7":  # Python's reads surrogates as they come
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
