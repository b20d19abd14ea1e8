"""A tool of an administrator around `callback-profiles.json`: which callback lists Enreach has, and who uses them.

It asks Enreach through the app's own client, and reads the profiles as the app does.
"""
