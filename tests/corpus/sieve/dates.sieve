require ["date", "relational", "index", "fileinto", "variables"];
if anyof (currentdate :is "weekday" "0", currentdate :is "weekday" "6") { fileinto "Weekend"; }
if date :value "lt" :originalzone "date" "hour" "09" { fileinto "Early"; }
if currentdate :matches "month" "*" { set "month" "${1}"; }
if currentdate :matches "year" "*" { fileinto "${1}-${month}"; }
if header :index 1 :last :contains "Received" "example.org" { keep; }
