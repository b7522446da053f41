"""Servers, browsers and databases that tests start."""
