"""Following: answers in a process that does not write the log but reads what another one wrote."""
