from setuptools import find_packages, setup

PACKAGE_ROOT = "projects/DualWeighting"

setup(
    name="dual-weighting",
    version="0.1.0",
    description="Dense object detection through label assignment, on Detectron2",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(PACKAGE_ROOT),
    package_dir={"": PACKAGE_ROOT},
    # model_zoo/configs is a link to the configs of this repository; a wheel has a copy.
    package_data={"dual_weighting.model_zoo": ["configs/**/*.py"]},
    # torch, torchvision and detectron2 are left to the user (README: Installing): they must match
    # each other and the machine's GPU, which no version number written here can know.
    install_requires=[
        "fvcore",
        "omegaconf>=2.1,<2.4",
        "hydra-core>=1.1",
        "pycocotools",
        "hotcoco",
        "opencv-python",
        "scikit-learn",
        "matplotlib",
        "tensorboard",
        "rich",
        "setuptools<81",
    ],
    extras_require={
        "export": ["onnx>=1.22", "onnxscript>=0.7.2", "onnxruntime>=1.25"],
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
