require "reject";
if size :over 10M { reject "This is too large for me."; }
