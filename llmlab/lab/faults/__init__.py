"""Faults that the tape can answer with."""
