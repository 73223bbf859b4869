# Postfix's own bounce (RFC 3464): a private instance accepts a letter for a name it does not know,
# and its notification goes to the sink. Needs root, since Postfix's master does.
set -e
[ "$(id -u)" = 0 ] || { echo "postfix needs root" >&2; exit 1; }
d=$(mktemp -d /tmp/zegel-postfix.XXXXXX); chmod 755 "$d"; mkdir "$d/etc" "$d/spool" "$d/data"; chown postfix "$d/data"
cp /usr/share/postfix/master.cf.dist "$d/etc/master.cf" 2>/dev/null || cp /etc/postfix/master.cf "$d/etc/"
sed -i '/^smtp *inet/d; s/^\(\S\+\s\+\S\+\s\+\S\+\s\+\S\+\s\+\)y/\1n/' "$d/etc/master.cf"
cat > "$d/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $d/spool
data_directory = $d/data
myhostname = mail.zegel.test
mydestination = zegel.test
local_recipient_maps =
alias_maps =
mailbox_transport = error:5.1.1 no such person here
relayhost = [127.0.0.1]:$PORT
smtp_host_lookup = native
inet_interfaces = loopback-only
maillog_file = $d/log
maillog_file_prefixes = $d
END
printf '' >> "$d/etc/dynamicmaps.cf"
trap 'postfix -c "$d/etc" stop >/dev/null 2>&1 || true; rm -rf "$d"' EXIT
postfix -c "$d/etc" start > /dev/null 2>&1
for addresses in nobody@zegel.test "een@zegel.test twee@zegel.test"; do
  { printf 'From: Jansen <jansen@example.test>\nTo: nobody@zegel.test\nSubject: Vergunning – été\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n'; cat texts/brief.txt; } |
    sendmail -C "$d/etc" -f jansen@example.test $addresses
done
sleep 6
