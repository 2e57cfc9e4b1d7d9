"""Train or evaluate a detector that a LazyConfig describes."""

from dual_weighting.cli.train import main

if __name__ == "__main__":
    main()
