"""One module per group of commands. Each imports its room when it runs, so that `--help` is quick."""
