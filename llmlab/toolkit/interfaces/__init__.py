"""Interfaces of other kits over the one client."""
