use strict; use warnings; use MIME::Lite;
my $m = MIME::Lite->new(From => 'clerk@zegel.test', To => 'jansen@example.test', Subject => '=?UTF-8?Q?Caf=C3=A9?=', Type => 'multipart/mixed', 'Message-ID' => '<lite.1@zegel.test>');
$m->attach(Type => 'TEXT', Path => 'texts/long.txt');
$m->attach(Type => 'image/png', Path => 'texts/zegel.png', Filename => 'zegel.png', Disposition => 'attachment');
my $alt = MIME::Lite->new(Type => 'multipart/alternative');
$alt->attach(Type => 'text/html; charset=utf-8', Path => 'texts/page.html', Encoding => 'quoted-printable');
$m->attach($alt);
$m->send('smtp', '127.0.0.1', Port => $ENV{PORT}, Hello => 'zegel.test');
