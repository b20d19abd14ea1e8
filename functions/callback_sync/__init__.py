"""Callback requests of Enreach as open phone calls in a queue of Dynamics."""
