#!/bin/bash
# Cyrus as the JMAP peer to measure against: own programs, config, data and ports.
#
#   cyrus.sh install    Debian's packages, unpacked into a directory (they conflict with Dovecot's)
#   cyrus.sh start      makes config and users on first start
#   cyrus.sh stop
#   cyrus.sh wipe       stop and remove the data; the programs stay
#
# Environment:
#   BENCH_DIR   where programs, data and logs go (default: ${TMPDIR:-/tmp}/mailbench)
#   BENCH_USER  whom it runs as, if root         (default: nobody)
#   USERS       how many users                   (default: 1): bench0 with secret0, and so on
#
# Ports on 127.0.0.1, none with TLS:  23143 imap, 23080 http (JMAP), 23024 lmtp.
set -euo pipefail
cmd=${1:-help}
root=${BENCH_DIR:-${TMPDIR:-/tmp}/mailbench}; dir=$root/cyrus; programs=$root/cyrus-programs
users=${USERS:-1}
me=$(id -un); as=()
if [ "$(id -u)" = 0 ]; then
  me=${BENCH_USER:-nobody}
  as=(setpriv --reuid="$me" --regid="$(id -gn "$me")" --clear-groups)
fi
libraries=$programs/usr/lib/$(uname -m)-linux-gnu
bin=$programs/usr/lib/cyrus/bin
export LD_LIBRARY_PATH=$libraries SASL_PATH=$libraries/sasl2

install() {
  local debs=$programs/debs
  mkdir -p "$debs"
  apt-get update -qq
  # what a Debian without any of it would need beside libraries that are everywhere
  (cd "$debs" && apt-get download -q cyrus-common cyrus-imapd cyrus-caldav libical3 libshp2 \
    libzephyr4 libpcre3 libdb5.3 libsasl2-2 libsasl2-modules libsasl2-modules-db sasl2-bin)
  for deb in "$debs"/*.deb; do dpkg-deb -x "$deb" "$programs"; done
  # Debian merges /lib into /usr/lib; some packages still bring the former
  if [ -d "$programs/lib" ]; then cp -a "$programs/lib/." "$programs/usr/lib/"; fi
  if ldd "$bin/httpd" | grep 'not found' >&2; then exit 1; fi
}

config() {
  mkdir -p "$dir"/{config/{db,socket,msg,log,user,quota,sieve},mail,run}
  cat > "$dir/imapd.conf" <<END
configdirectory: $dir/config
defaultpartition: default
partition-default: $dir/mail
cyrus_user: $me
servername: localhost
admins: cyrus
unixhierarchysep: yes
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: $dir/sasldb2
sasl_mech_list: PLAIN
autocreate_quota: 0
autocreate_post: yes
autocreate_users: anyone
conversations: yes
conversations_counted_flags: \\Draft \\Flagged
httpmodules: jmap
httpallowcompress: no
httpkeepalive: 20
proc_path: $dir/run/proc
mboxname_lockpath: $dir/run/lock
duplicatesuppression: no
END
  cat > "$dir/cyrus.conf" <<END
START {
  recover cmd="$bin/ctl_cyrusdb -C $dir/imapd.conf -r"
}
SERVICES {
  imap cmd="$bin/imapd -C $dir/imapd.conf" listen="127.0.0.1:23143" proto="tcp4" prefork=1
  http cmd="$bin/httpd -C $dir/imapd.conf" listen="127.0.0.1:23080" proto="tcp4" prefork=8
  lmtp cmd="$bin/lmtpd -a -C $dir/imapd.conf" listen="127.0.0.1:23024" proto="tcp4" prefork=1
}
EVENTS {
}
END
  local n
  for ((n = 0; n < users; n++)); do
    echo "secret$n" | "$programs/usr/sbin/saslpasswd2" -p -c -f "$dir/sasldb2" -u localhost "bench$n"
  done
  if [ "$(id -u)" = 0 ]; then chown -R "$me" "$dir"; chmod a+rx "$root"; fi
}

start() {
  [ -x "$bin/master" ] || { echo "cyrus.sh install comes first" >&2; return 1; }
  [ -f "$dir/cyrus.conf" ] || config
  "${as[@]}" "$bin/master" -D -C "$dir/imapd.conf" -M "$dir/cyrus.conf" -p "$dir/run/master.pid" \
    >> "$dir/stdout.log" 2>&1 < /dev/null &
  echo $! > "$dir/pid"
  local k
  for ((k = 0; k < 150; k++)); do
    if (: < /dev/tcp/127.0.0.1/23080) 2>/dev/null; then
      echo "pid $(cat "$dir/pid"), imap 23143, http 23080, lmtp 23024, data $dir"
      return 0
    fi
    sleep 0.1
  done
  tail -5 "$dir/stdout.log" >&2
  return 1
}

stop() {
  [ -f "$dir/pid" ] || return 0
  local pid k
  pid=$(cat "$dir/pid")
  if [ "$(ps -o comm= -p "$pid" 2>/dev/null)" = master ]; then
    kill "$pid"
    for ((k = 0; k < 100; k++)); do
      case $(ps -o state= -p "$pid" 2>/dev/null) in ''|Z*) break;; esac
      sleep 0.1
    done
  fi
  rm -f "$dir/pid"
}

case $cmd in
  install) install;;
  start) stop; start;;
  stop) stop;;
  wipe) stop; rm -rf "$dir";;
  *) sed -n '2,15p' "$0" | sed 's/^# \{0,1\}//'; exit 2;;
esac
