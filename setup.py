from pathlib import Path

from setuptools import find_packages, setup

PACKAGE_ROOT = "projects/DualWeighting"

setup(
    name="dual-weighting",
    version="0.1.0",
    description="Dense object detection through label assignment, on Detectron2",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    project_urls={
        "DW": "https://arxiv.org/abs/2203.09730",
        "O2F": "https://arxiv.org/abs/2303.11567",
        "DLA": "https://doi.org/10.1145/3524304.3524317",
        "Detectron2": "https://github.com/facebookresearch/detectron2",
    },
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(PACKAGE_ROOT),
    package_dir={"": PACKAGE_ROOT},
    # model_zoo/configs is a link to a folder of this repository; a wheel has a copy.
    package_data={
        "dual_weighting": ["py.typed"],
        "dual_weighting.model_zoo": ["configs/**/*.py"],
        "dual_weighting.report": ["templates/*.j2"],
    },
    entry_points={"console_scripts": ["dual-weighting = dual_weighting.cli.__main__:main"]},
    # torch, torchvision and detectron2 are left to the user (docs/installation.md): they must match
    # each other and the machine's GPU, which no version number written here can know. So is
    # OpenCV, of whose packages only one can be installed.
    # The lowest versions are those that the tests were run with, together.
    install_requires=[
        "fvcore>=0.1.5.post20221221",
        "hotcoco>=1.3",
        "hydra-core>=1.3.2",
        "iopath>=0.1.9",
        "jinja2>=3.1",
        "markupsafe>=2.1",
        "matplotlib>=3.7.5",
        "numpy>=1.26.4",
        "omegaconf>=2.2.3,<2.4",
        "pillow>=11.3",
        "pycocotools>=2.0.6",
        "pyyaml>=6.0.1",
        "rich>=13.3.5",
        "scikit-learn>=1.2.2",
        "scipy>=1.10.1",
        "tabulate>=0.9",
        "tensorboard>=2.12.3",
    ],
    extras_require={
        "opencv": ["opencv-python>=4.7"],
        "export": ["onnx>=1.22", "onnxscript>=0.7.2", "onnxruntime>=1.23.2"],
        "wandb": ["wandb"],
        "test": [
            "pytest",
            "pytest-xdist",
            "pytest-cov",
            "hypothesis",
            "ruff",
            "supervision",
            "sahi",
        ],
    },
)
