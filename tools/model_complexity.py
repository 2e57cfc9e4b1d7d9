"""Parameters and GFLOPs of configs, as a table in Markdown."""

from dual_weighting.cli.model_complexity import main

if __name__ == "__main__":
    main()
