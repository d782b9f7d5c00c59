"""The demo: a simulated BytesFlows API and a real Home Assistant that uses it."""
