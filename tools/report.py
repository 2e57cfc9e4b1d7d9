"""Write the report of a run anew, or compare several runs."""

from dual_weighting.cli.report import main

if __name__ == "__main__":
    main()
