"""The yearly work of a maintainer: newer packages, the catalogue of models, changed outputs."""
