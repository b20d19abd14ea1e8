"""The Enreach Cloud API: calls, service calls, users, queues, recordings and callback requests.

client    what the app calls
models    what it answers, typed
errors    what can go wrong, by what a caller can do about it
document  `enreach.json`: paths, names of fields and values, as far as a customer's differ

Pure: values, naming, reading, replies, windows, requests, discovery, credentials. I/O: transport, sender, endpoint.
What is known of the API, what is assumed, and what every key of the document means: docs/enreach-client.md.
"""
