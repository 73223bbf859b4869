require ["body", "fileinto"];
if body :text :contains "invoice" { fileinto "Bills"; }
if body :raw :contains "X5O!P%@AP" { discard; stop; }
if body :content "text/html" :matches "*click*here*" { fileinto "Junk"; }
