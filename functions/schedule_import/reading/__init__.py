"""A schedule file as its profile reads it: from bytes to segments in UTC, whatever the layout.

`reader` is the door. It opens the file's container (`delimited`, `workbook`, `document` for JSON and XML, `icalendar`),
whose rows `row` takes apart: what a row says, when, and of whom. `records` is what containers and rows agree on,
`segments` what comes out. `companion` joins a second file, `rejected` writes the rows that were not taken.
"""
