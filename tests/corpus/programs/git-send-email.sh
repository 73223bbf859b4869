set -e
git init -q repo && cd repo
git config user.name "Klerk van Zegelveen – é" && git config user.email clerk@zegel.test
cp ../texts/brief.txt . && git add . && git commit -qm "brief: eerste versie"
cp ../texts/lettre.txt brief.txt && git commit -qam "brief: remplacée par la lettre française"
cp ../texts/long.txt brief.txt && git commit -qam "brief: very long lines"
git send-email -q --confirm=never --smtp-server=127.0.0.1 --smtp-server-port=$PORT --smtp-domain=zegel.test \
  --cover-letter --force --to=lijst@example.test --8bit-encoding=UTF-8 -2 HEAD
