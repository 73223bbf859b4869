set -e
cat > .neomuttrc <<END
set smtp_url = "smtp://127.0.0.1:$PORT/"
set from = "clerk@zegel.test"
set realname = "Klerk van Zegelveen"
set hostname = "zegel.test"
set copy = no
set ssl_starttls = no
set ssl_force_tls = no
set charset = utf-8
set send_charset = us-ascii:iso-8859-1:utf-8
END
neomutt -s "Vergunning" -- jansen@example.test < texts/brief.txt
neomutt -s "Dossier médical – été" -c copie@example.test -a texts/zegel.png -- madame@example.test < texts/lettre.txt
neomutt -s "Long lines" -a "texts/sluis & brug – foto.png" -a texts/page.html -- a@example.test b@example.test < texts/long.txt
