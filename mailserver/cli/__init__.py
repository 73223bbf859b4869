"""The command line: a file a group, each command a few lines that ask `app` or `operations`.

It may import everything below. It must never decide anything about mail or keys, and it prints a
secret only where printing it once is the command's purpose.
"""
