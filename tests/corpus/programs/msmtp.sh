set -e
{ printf 'From: clerk@zegel.test\nTo: "Jansen, A. (Anna)" <jansen@example.test>\nSubject: Zonder MIME\nDate: Mon, 2 Mar 2026 10:00:00 +0100\nMessage-ID: <msmtp.1@zegel.test>\n\n'; cat texts/brief.txt; } |
  msmtp --host=127.0.0.1 --port=$PORT --domain=zegel.test --from=clerk@zegel.test jansen@example.test
