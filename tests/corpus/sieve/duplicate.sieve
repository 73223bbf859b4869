require ["duplicate", "fileinto", "mailbox"];
if duplicate :seconds 3600 { discard; stop; }
