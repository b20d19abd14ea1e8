"""How fast the Dataverse client is, beside its peers and beside the limit. `make bench` prints and records it."""
