"""The blob containers of schedule files (architecture, "Storage")."""

INBOX = "schedules"
REPORTS = "schedule-reports"
ARCHIVE = "schedule-archive"
