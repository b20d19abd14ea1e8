"""Who has a phone number, known without asking Dataverse: an index in Table Storage, kept fresh by change tracking.

keys      numbers as HMAC: no number ever stands in a key
layout    which row of the table holds what
state     what the index was built with, and how long it may be believed
index     looking a number up             what routing and call sync call
writing   adding, moving and taking out   what `functions/number_index` calls
docs/number-index.md says what it is for; docs/decisions/0014 why it is built so.
"""
