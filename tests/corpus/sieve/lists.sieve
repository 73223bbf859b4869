require ["fileinto", "variables", "mailbox"];
if header :matches "List-Id" "*<*.*>*" {
    fileinto :create "Lists/${2}";
    stop;
}
