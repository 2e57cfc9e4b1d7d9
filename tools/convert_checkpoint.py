"""Convert a checkpoint of the DW or O2F releases (MMDetection), or a ResNet of torchvision."""

from dual_weighting.cli.convert_checkpoint import main

if __name__ == "__main__":
    main()
