"""`/api/mail`: what the webmail asks the server to do with mail that strangers wrote.

Pictures from elsewhere, leaving lists, looking into attachments. Nothing of it happens by itself
when a message is opened (PRIVACY §9), and an organisation may turn each of it off. What can be made
of a message is decided in `mailserver.mail`; here stand only the routes.
"""
