"""Detect objects on images and videos of your own, and draw them."""

from dual_weighting.cli.demo import main

if __name__ == "__main__":
    main()
