"""Look at a data set in COCO's format before training on it."""

from dual_weighting.cli.check_data import main

if __name__ == "__main__":
    main()
