"""Tests of the BytesFlows integration."""
