"""Invented traffic: a day of a contact centre, the same for the same order. Pure; it knows no clock.

`order` what is asked for; `people` who works there; `stories` what truly happened on each call; `plots` the shapes of
calls; `day` puts them into the agents' working day; `items` how the API tells of them, and when.
"""
