"""The rules of ticket creation, all of them pure.

sources     what triggers know of a call, and which ask for what nobody tells them
conditions  which triggers a call matches, and so which configurations
templates   texts with the values of the call
targets     what a configuration names in Dynamics, found or not
customers   whose case it is
attach      a case of its own, or a note on one that is open
columns     values as the columns of a case take them
cases       the rows that are written
"""
