"""A profile for a file that nobody has described: what its bytes, columns and values give away, and what they do not.

sniffing   encoding, delimiter, header     trees      paths of JSON and XML
values     how a column's values are written   words  what a column's name says
timing     which columns say when              roles  which say who, what and where
known      built-in layouts                    proposal  all of it, as a site document
"""
