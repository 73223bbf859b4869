require ["vacation"];
vacation :days 7 :subject "Op reis" :addresses ["me@example.org", "ik@example.org"]
text:
Ik ben er niet.
..en dit is een punt.
.
;
