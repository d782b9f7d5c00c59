"""Tests of the client, which know nothing of Home Assistant."""
