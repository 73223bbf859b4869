#!/bin/bash
# Roundcube as the webmail to measure against: Debian's package on PHP's own server, in front of
# the plain Dovecot of dovecot.sh. Own config, database and port, nothing of the system's.
#
#   roundcube.sh install      Debian's packages, without starting a service or making a database
#   roundcube.sh start        on a fresh database; Dovecot is started by whoever wants it
#   roundcube.sh stop
#   roundcube.sh wipe         stop and remove its files
#
# Environment:
#   BENCH_DIR   where data and logs go       (default: ${TMPDIR:-/tmp}/mailbench)
#   WORKERS     processes of PHP's server    (default: 4)
#
# Port on 127.0.0.1: 21080 http.
set -euo pipefail
cmd=${1:-help}
root=${BENCH_DIR:-${TMPDIR:-/tmp}/mailbench}; dir=$root/roundcube
package=/usr/share/roundcube; site=/var/lib/roundcube/public_html; port=21080

config() {
  mkdir -p "$dir"/{config,temp,logs,sessions}
  cp /etc/roundcube/{defaults.inc,mimetypes}.php "$dir/config/"
  make_database
  cat > "$dir/config/config.inc.php" <<END
<?php
\$config = [];
\$config['db_dsnw'] = 'sqlite:///$dir/roundcube.sqlite3?mode=0600';
\$config['imap_host'] = '127.0.0.1:21143';
\$config['imap_timeout'] = 600;
\$config['smtp_host'] = '127.0.0.1:1';
\$config['des_key'] = 'throw-away-24-characters';
\$config['temp_dir'] = '$dir/temp';
\$config['log_dir'] = '$dir/logs';
\$config['plugins'] = [];
\$config['skin'] = 'elastic';
\$config['language'] = 'en_GB';
\$config['search_mods'] = ['*' => ['subject' => 1, 'body' => 1]];
END
}

make_database() {          # PHP brings SQLite, so that no other program is needed
  rm -f "$dir/roundcube.sqlite3"
  php -r '$d = new PDO("sqlite:" . $argv[1]); $d->exec(file_get_contents($argv[2]));' \
    "$dir/roundcube.sqlite3" "$package/SQL/sqlite.initial.sql"
}

start() {
  umask 077
  config
  ROUNDCUBE_CONFIG_DIR=$dir/config PHP_CLI_SERVER_WORKERS=${WORKERS:-4} setsid php -d max_execution_time=600 -d memory_limit=512M \
    -d opcache.enable=1 -d opcache.enable_cli=1 -d display_errors=0 \
    -d session.save_path="$dir/sessions" \
    -S 127.0.0.1:$port -t "$site" >> "$dir/php.log" 2>&1 < /dev/null &
  echo $! > "$dir/pid"
  local k
  for ((k = 0; k < 100; k++)); do
    if (: < "/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "pid $(cat "$dir/pid"), http $port, data $dir"
      return 0
    fi
    sleep 0.1
  done
  tail -5 "$dir/php.log" >&2
  return 1
}

stop() {                  # its workers are children of the one that was started, in one group
  [ -f "$dir/pid" ] || return 0
  local pid
  pid=$(cat "$dir/pid")
  if [ "$(ps -o comm= -p "$pid" 2>/dev/null)" = php ]; then kill -- "-$pid"; fi
  rm -f "$dir/pid"
}

case $cmd in
  install)
    # a Debian package may start its service; this policy says no for this one call
    policy=/usr/sbin/policy-rc.d; made=
    if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' > $policy; chmod +x $policy; made=1; fi
    rc=0
    echo "roundcube-core roundcube/dbconfig-install boolean false" | debconf-set-selections
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      roundcube-core roundcube-sqlite3 php-cli php-sqlite3 procps; } || rc=$?
    if [ -n "$made" ]; then rm -f $policy; fi
    exit $rc;;
  start) stop; start;;
  stop) stop;;
  wipe) stop; rm -rf "$dir";;
  *) sed -n '2,16p' "$0" | sed 's/^# \{0,1\}//'; exit 2;;
esac
