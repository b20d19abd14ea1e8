"""Tools of an administrator around `routing.json`: why a call goes where it goes, and what edited rules would change.

They run the app's own routing against the real Dataverse, which they only read.
"""
