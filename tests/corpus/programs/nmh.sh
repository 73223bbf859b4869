set -e
mkdir -p Mail && printf 'Path: Mail\nLocal-Mailbox: clerk@zegel.test\n' > .mh_profile
cat > draft <<END
From: Klerk van Zegelveen <clerk@zegel.test>
To: jansen@example.test
Subject: Vergunning en foto
Date: Mon, 02 Mar 2026 10:00:00 +0100
Message-ID: <nmh.1@zegel.test>
--------
$(sed 's/^#/##/' texts/brief.txt)
#image/png; name="zegel.png" <>{attachment} texts/zegel.png
#text/html; charset="utf-8" texts/page.html
END
mhbuild draft
sed -i '/^Nmh-/d; s/^--------$//' draft
mv draft out-1.eml
