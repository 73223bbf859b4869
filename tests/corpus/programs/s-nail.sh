set -e
send() {
  s-nail -:/ -S v15-compat -S mta=smtp://127.0.0.1:$PORT -S smtp-auth=none -S sendwait -S hostname=zegel.test \
    -S ttycharset=utf-8 -S "from=Klerk van Zegelveen <clerk@zegel.test>" "$@"
}
send -s "Vergunning" jansen@example.test < texts/brief.txt
send -s "Dossier médical – été" -a texts/zegel.png madame@example.test < texts/lettre.txt
send -s "Long lines" -a "texts/sluis & brug – foto.png" a@example.test < texts/long.txt
