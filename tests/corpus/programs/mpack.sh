set -e
mpack -s "Foto van de sluis" -d texts/long.txt -o out-1.eml texts/zegel.png
sed -i '1i From: clerk@zegel.test\nTo: jansen@example.test' out-1.eml
sed -i 's/^Message-ID: <\([^@]*\)@[^>]*>/Message-ID: <\1@zegel.test>/I' out-1.eml
