set -e
send() { curl -sS --url "smtp://127.0.0.1:$PORT/zegel.test" --mail-from clerk@zegel.test --mail-rcpt jansen@example.test "$@"; }
send -H "From: clerk@zegel.test" -H "To: jansen@example.test" -H "Subject: Vergunning" -F "=<texts/brief.txt;encoder=quoted-printable" -F "foto=@texts/zegel.png;encoder=base64"
send -H "From: clerk@zegel.test" -H "To: jansen@example.test" -H "Subject: Nieuwsbrief" -F '=(;type=multipart/alternative' -F "=<texts/long.txt" -F "=<texts/page.html;type=text/html;charset=utf-8" -F '=)'
