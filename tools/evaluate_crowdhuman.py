"""AP, MR^-2, recall and Jaccard index of detections in CrowdHuman's format."""

from dual_weighting.cli.evaluate_crowdhuman import main

if __name__ == "__main__":
    main()
