"""The service side of DPS: enrollments made, changed, looked at and taken away; or the same as a script."""
