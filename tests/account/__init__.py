"""An account without Home Assistant: its packages, its clock, its forecast."""
