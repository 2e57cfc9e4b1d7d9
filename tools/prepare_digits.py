"""Write the built-in data set Digits, as COCO annotations and PNG files."""

from dual_weighting.cli.prepare_digits import main

if __name__ == "__main__":
    main()
