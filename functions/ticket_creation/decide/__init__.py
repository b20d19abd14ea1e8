"""The rules of ticket creation, all of them pure.

sources     what triggers know of a call, and which ask for what nobody tells them
conditions  which triggers a call matches, and so which configurations
templates   texts with the values of the call
targets     what a configuration names in Dynamics, found or not
customers   whose case it is
people      who in Dynamics an e-mail means
attach      a case of its own, or a note on one that is open
columns     values as the columns of a case take them
jobs        a ticket on its way, and what Dynamics has of it
cases       the rows that are written
delays      when a request that met with trouble comes again
"""
