"""Tests in a real Home Assistant, which runs in a process of its own."""
