"""Turn a folder of Pascal VOC's layout into annotations in COCO's format."""

from dual_weighting.cli.voc_to_coco import main

if __name__ == "__main__":
    main()
