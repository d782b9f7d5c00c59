"""What people see, in a real browser before a real Home Assistant."""
