"""The fixed zstd dictionary of search documents: words that mail is full of, in normal form.

It is public, holds nobody's text, and is part of the format: changing it makes stored documents
unreadable, so a better one gets a new name and a new version octet beside it.
The most frequent strings stand last, where zstd reaches them with the shortest offsets.
"""

_COMMON_WORDS = (
    # English, Dutch, German, French: function words and what letters are made of
    " about after again all also always and any are around because been before being between both"
    " but can could did does done each even every first for from further get good had has have"
    " here how however into its just know last like look made make many may more most much must"
    " need never new next not now only other our out over please same see should since some still"
    " such take than thank that the their them then there these they this those through today"
    " under until very want was well were what when where which while who will with without work"
    " would year years you your yours sincerely kind regards best dear hello hi thanks"
    " aan alle als altijd ander andere bij daar dan dat de deze die dit door dus een eerste en er"
    " geen geven goed graag groet groeten haar had hebben heeft heel het hier hij hoe hun ik in is"
    " ja jaar je kan komen kunnen maar maken meer met mijn moet morgen naar niet nog nu of om ons"
    " onze ook op over te tegen toch toe tot twee uit van veel voor waar was wat we week wel welke"
    " werd werk wij wil willen worden wordt ze zeer zich zij zijn zo zonder zou bijlage geachte"
    " beste hartelijke vriendelijke met vriendelijke groet,"
    " aber alle als am an auch auf aus bei bin bis bitte da damit dann das dass dem den der des die"
    " dies durch ein eine einen einer er es freundlichen fragen für grüße haben hat hier ich ihr"
    " ihre im in ist ja kann können mehr mit nach nicht noch nur oder ohne schon sehr sein sich sie"
    " sind so über um und uns unter vom von vor war was wenn werden wie wir wird zu zum zur"
    " mit freundlichen grüßen sehr geehrte damen und herren"
    " à au aussi aux avec bien bonjour ce cela ces cette comme cordialement dans de des deux du"
    " elle en est et été être fait faire il ils je la le les leur lui mais merci mes moi mon ne"
    " nos notre"
    " nous on ont ou où par pas plus pour qu que qui sa sans se ses si son sont sur te toute tous"
    " très un une veuillez votre vous"
)

_COMMON_HEADERS = (
    "\x02x-mailer:\x02user-agent:mozilla thunderbird\x02x-mailer:apple mail\x02x-mailer:microsoft"
    " outlook 16.0\x02thread-topic:\x02thread-index:\x02x-originating-ip:\x02x-priority:3\x02"
    "importance:normal\x02auto-submitted:auto-generated\x02precedence:bulk\x02list-id:\x02list-post"
    ":<mailto:\x02list-unsubscribe:<https://\x02list-unsubscribe-post:list-unsubscribe=one-click"
    "\x02feedback-id:\x02return-path:<>\x02authentication-results:mx; spf=pass smtp.mailfrom=;"
    " dkim=pass header.d= header.s=; dmarc=pass (p=reject) header.from=\x02x-spam-status:no,"
    " score=-0.1\x02reply-to:\x02sender:\x02in-reply-to:<\x02references:<"
    "\x02received:from mail. (mail. [192.0.2.1]) by mx. with esmtps (tls1.3) id for <@>; "
    "mon, tue, wed, thu, fri, sat, sun, jan feb mar apr may jun jul aug sep oct nov dec 2024 2025"
    " 2026 2027 +0000 (utc) +0100 (cet) +0200 (cest) -0500 (est)"
    "\x02content-type:multipart/mixed; boundary=\x02content-type:multipart/alternative; boundary="
    "\x02content-type:text/html; charset=utf-8\x02content-transfer-encoding:base64"
    "\x02content-transfer-encoding:quoted-printable\x02content-transfer-encoding:8bit"
    "\x02content-transfer-encoding:7bit\x02content-language:nl\x02content-language:en-us"
    "\x02mime-version:1.0\x02content-type:text/plain; charset=utf-8; format=flowed"
    "\x02content-type:text/plain; charset=us-ascii\x02message-id:<@mail.gmail.com>\x02date:mon, "
    "\x01H\x01D2026-\x01Sre: \x01K\x01C\x01T\x01F"
)

_COMMON_TEXT = (
    " https://www. .com .org .net .nl .de .eu .fr/ http:// @gmail.com @outlook.com"
    " unsubscribe afmelden abmelden se désabonner view this email in your browser"
    " bekijk in browser -- original message -- begin forwarded message: from: sent: to: subject:"
    " van: verzonden: aan: onderwerp: von: gesendet: an: betreff: de : envoyé : à : objet :"
    " schreef: wrote: schrieb: a écrit : > > > "
)

DICTIONARY = (_COMMON_TEXT + _COMMON_WORDS + _COMMON_HEADERS).encode()
