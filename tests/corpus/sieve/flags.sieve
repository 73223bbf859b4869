require ["imap4flags", "fileinto", "relational", "comparator-i;ascii-numeric"];
if header :contains "From" "boss@example.org" {
    setflag "\\Flagged";
}
if not header :value "le" :comparator "i;ascii-numeric" "X-Spam-Score" "5" {
    addflag ["\\Seen", "$Junk"];
    fileinto "Junk";
}
