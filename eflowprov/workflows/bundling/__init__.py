"""One file for a ticket: report, outputs, transcript and versions, without secrets and bounded in size."""
