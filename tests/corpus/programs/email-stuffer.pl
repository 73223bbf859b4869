use strict; use warnings; use Email::Stuffer; use Email::Sender::Transport::SMTP;
my $t = Email::Sender::Transport::SMTP->new({host => '127.0.0.1', port => $ENV{PORT}, helo => 'zegel.test'});
open(my $f, '<:encoding(UTF-8)', 'texts/lettre.txt'); local $/; my $text = <$f>;
Email::Stuffer->from('clerk@zegel.test')->to('jansen@example.test')->subject("Dossier m\x{e9}dical")->header('Message-ID' => '<stuffer.1@zegel.test>')
  ->text_body($text)->html_body("<p>Bonjour, \x{201c}Madame\x{201d}</p>")->attach_file('texts/zegel.png')->transport($t)->send_or_die;
