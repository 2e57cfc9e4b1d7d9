"""Train configs with several seeds and write one table and one figure."""

from dual_weighting.cli.compare import main

if __name__ == "__main__":
    main()
