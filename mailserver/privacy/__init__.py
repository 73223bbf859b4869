"""Data protection as code: what the law asks for is done here, and its papers tell what was done.

It stands beside `operations` and `transfer`: it may import `mail`, `accounts`, `audit` and
everything below. It holds no key and opens nothing by itself: what a person's own export shows, his
unlocked session opened. What a law says (periods, days, authorities) is in `legal_profile`, with
the day it was looked up; everything else reckons with it and cites the article.
"""
