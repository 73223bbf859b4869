require ["fileinto"];
if allof (not anyof (header :is "a" "b", exists ["c", "d"]), true,
          anyof (false, not false)) {
    if size :under 500K {
        if header :contains ["subject"] ["x", "y", "z"] { fileinto "deep"; } else { keep; }
    } elsif true { discard; }
}
