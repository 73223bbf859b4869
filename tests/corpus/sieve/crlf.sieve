require ["fileinto"];
# every line of this one ends in CRLF
if header :contains "subject" "x" { fileinto "X"; }
