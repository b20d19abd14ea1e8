"""Universal Resource Scheduling, as far as the app calls it: who is free when, and bookings for requirement groups.

`intervals` arithmetic of time, `requests` what is asked for, `resources` who qualifies, `availability` when they are
free, `search` one requirement, `groups` requirement groups, `json_bags` the JSON of the OData action.

Left out: travel times and maps, crews and pools, capacities over 1, time groups, territories and roles (the tables
that hold them are not known here), resource calendars. Working hours are an environment switch, in UTC.
"""
