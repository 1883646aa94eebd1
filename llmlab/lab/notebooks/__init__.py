"""Only what Jupyter needs: the magics, the runner, the comparison of outputs, and handouts."""
