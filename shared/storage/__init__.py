"""Azure Storage: `files` reads and writes blobs."""
