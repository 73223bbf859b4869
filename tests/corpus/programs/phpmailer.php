<?php
foreach (['PHPMailer', 'SMTP', 'Exception'] as $c) { require "/usr/share/php/libphp-phpmailer/src/$c.php"; }
$m = new PHPMailer\PHPMailer\PHPMailer(true);
$m->isSMTP(); $m->Host = '127.0.0.1'; $m->Port = (int) getenv('PORT'); $m->SMTPAutoTLS = false; $m->Hostname = 'zegel.test';
$m->setFrom('clerk@zegel.test', 'Klerk é'); $m->addAddress('jansen@example.test', 'Anna'); $m->addReplyTo('balie@zegel.test');
$m->CharSet = 'UTF-8'; $m->Subject = 'Nieuwsbrief – été'; $m->isHTML(true);
$m->Body = file_get_contents('texts/page.html') . '<img src="cid:foto">'; $m->AltBody = file_get_contents('texts/brief.txt');
$m->addEmbeddedImage('texts/zegel.png', 'foto', 'zegel.png'); $m->addAttachment('texts/long.txt', 'lange regels – é.txt');
$m->addCustomHeader('List-Unsubscribe', '<https://zegel.test/af>'); $m->send();
