"""Simulated accounts, as evidence for the forecast: scripts/simulate."""
