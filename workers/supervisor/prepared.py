"""The last line of the preparation's log, which its supervisor reads: standard library only."""

PREPARED = "prepared"
WARNING = "warning: "
