"""Export a detector to a file that runs without this project, and check its answers."""

from dual_weighting.cli.export import main

if __name__ == "__main__":
    main()
