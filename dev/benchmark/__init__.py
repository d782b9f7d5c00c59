"""What a poll costs, beside what a user would write instead: scripts/benchmark."""
