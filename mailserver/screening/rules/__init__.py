"""The rules of our own score, by what they look at; each yields the reasons that apply.

A reason's text ends the sentence "This message is in Junk because …" for somebody who knows no
protocol. Its points were set so that one oddity is never enough, and a message that nobody vouches
for, from a host without a name, is doubtful.
"""
