"""Acquires the API secret key of an Enreach user with its login password, once and by hand.

What the app needs is the key alone: no setting, and no part of the app, ever takes the password.
"""
