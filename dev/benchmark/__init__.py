"""The cost of a poll, compared with REST sensors: scripts/benchmark."""
