set -e
common="--server 127.0.0.1:$PORT --helo zegel.test --from clerk@zegel.test --to jansen@example.test"
swaks $common --h-Subject "Vergunning" --h-From "clerk@zegel.test" --body @texts/brief.txt
swaks $common --h-Subject "Foto" --h-From "clerk@zegel.test" --attach-type image/png --attach @texts/zegel.png --attach-type text/html --attach @texts/page.html
swaks $common --h-Subject "=?utf-8?q?caf=C3=A9?=" --header "X-Empty:" --header "References: <een@zegel.test> <twee@zegel.test>"
