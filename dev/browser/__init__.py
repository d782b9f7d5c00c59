"""The real interface in Chromium, for tests, screenshots and the brand images."""
