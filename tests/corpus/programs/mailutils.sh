set -e
mail.mailutils -E "set sendmail=\"smtp://127.0.0.1:$PORT\"" -a "From: clerk@zegel.test" -s "Vergunning" jansen@example.test < texts/brief.txt
mail.mailutils -E "set sendmail=\"smtp://127.0.0.1:$PORT\"" -a "From: clerk@zegel.test" --content-type=text/html -s "Nieuwsbrief" jansen@example.test < texts/page.html
mail.mailutils -E "set sendmail=\"smtp://127.0.0.1:$PORT\"" -a "From: clerk@zegel.test" -A texts/zegel.png -s "Long lines" jansen@example.test < texts/long.txt
