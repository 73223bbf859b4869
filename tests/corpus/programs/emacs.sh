set -e
emacs --batch -Q --eval "(progn
 (require 'message) (require 'smtpmail)
 (setq user-full-name \"Klerk van Zegelveen\" user-mail-address \"clerk@zegel.test\" message-send-mail-function 'smtpmail-send-it send-mail-function 'smtpmail-send-it
       smtpmail-smtp-server \"127.0.0.1\" smtpmail-smtp-service $PORT smtpmail-local-domain \"zegel.test\" message-user-fqdn \"zegel.test\" message-confirm-send nil message-interactive nil mail-host-address \"zegel.test\")
 (message-mail \"jansen@example.test\" \"Dossier médical – été\")
 (message-goto-body) (insert-file-contents \"texts/lettre.txt\") (goto-char (point-max))
 (insert \"\\n<#part type=\\\"image/png\\\" filename=\\\"texts/zegel.png\\\" disposition=attachment>\\n<#/part>\\n\")
 (message-send))" 2>&1 | tail -2
