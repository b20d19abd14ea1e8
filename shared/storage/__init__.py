"""Azure Storage: `files` holds blobs, `tables` rows, `messages` queues."""
