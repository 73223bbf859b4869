require ["copy", "envelope"];
if envelope :all :is "from" "alarm@example.org" {
    redirect :copy "telephone@example.com";
}
