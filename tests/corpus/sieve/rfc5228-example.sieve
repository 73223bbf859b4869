# The example of RFC 5228 §9, in its own order.
require ["fileinto"];

if size :over 1M {
    # too large for a telephone
    discard;
    stop;
}
if header :is "List-Id" "<sieve.example.org>" {
    fileinto "filter";
} elsif address :is :domain ["From", "To"] "example.com" {
    keep;
} elsif anyof (not address :all :contains ["To", "Cc", "Bcc"] "me@example.com",
               header :matches "Subject" ["*make*money*fast*", "*university*dipl*mas*"]) {
    fileinto "spam";
} else {
    fileinto "personal";
}
