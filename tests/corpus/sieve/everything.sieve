require ["fileinto", "envelope", "encoded-character", "body", "copy", "imap4flags", "variables",
         "relational", "regex", "vacation", "vacation-seconds", "subaddress", "editheader",
         "duplicate", "date", "index", "mailbox", "mailboxid", "special-use", "enotify",
         "spamtest", "spamtestplus", "virustest", "environment", "ihave", "include",
         "comparator-i;ascii-numeric", "comparator-i;unicode-casemap"];
if address :detail :matches "to" "*" { set :lower :upperfirst "folder" "${1}"; }
if virustest :value "ge" :comparator "i;ascii-numeric" "4" { discard; stop; }
if spamtest :percent :value "gt" :comparator "i;ascii-numeric" "80" {
    fileinto :specialuse "\\Junk" "Junk";
    stop;
}
if header :regex "subject" "^\\[([a-z0-9-]+)\\]" {
    addheader "X-List" "${1}";
    fileinto :copy :create :flags "$list" "Lists/${1}";
}
if not string :is "${folder}" "" { fileinto :create "${folder}"; }
if environment :matches "remote-ip" "192.0.2.*" { addflag "$internal"; }
if ihave "vnd.example.magic" { magic :wand "x"; }
include :personal :optional "more";
notify :importance "3" :message "New mail" "mailto:pager@example.com";
vacation :seconds 86400 :handle "away" "Away.";
