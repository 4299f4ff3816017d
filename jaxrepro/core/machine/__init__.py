"""The machine and its processes: settings, memory, kept programs, jobs, notices to stop."""
