"""Draw which points learn a ground truth, and how much: a page for each ground truth."""

from dual_weighting.cli.visualize_assignment import main

if __name__ == "__main__":
    main()
