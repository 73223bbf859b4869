require 'mail'
text = File.read('texts/lettre.txt', encoding: 'utf-8')
page = File.read('texts/page.html', encoding: 'utf-8')
m = Mail.new(charset: 'UTF-8') do
  from 'Klerk é <clerk@zegel.test>'
  to 'jansen@example.test'
  cc 'Raad <raad@example.test>'
  subject 'Dossier médical – été'
  message_id '<ruby.1@zegel.test>'
  text_part { body text; content_type 'text/plain; charset=UTF-8' }
  html_part { body page; content_type 'text/html; charset=UTF-8' }
  add_file 'texts/zegel.png'
end
m.delivery_method :smtp, address: '127.0.0.1', port: ENV['PORT'].to_i, domain: 'zegel.test', enable_starttls_auto: false
m.deliver!
