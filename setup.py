"""Packaging of labline: ranges here, the tested set in requirements.lock.

Beam ships this project to its workers with `--setup_file ./setup.py`, so it must build a complete sdist on its own.
"""

from pathlib import Path

from setuptools import Extension, find_packages, setup

CORE = [
    "tensorflow>=2.16.2,<2.17",  # the last line that tensorflow-data-validation 1.16 runs on
    "keras>=3.5,<4",
    "apache-beam[dill,tfrecord]>=2.65,<2.73",  # tfx_bsl imports dill without declaring it
    "tensorflow-data-validation>=1.16.1,<1.17",
    "tfx-bsl>=1.16.1,<1.17",
    "tensorflow-serving-api>=2.16.1,<2.17",
    "numpy>=1.26,<2",
    "pandas>=1.5,<2",
    "pillow>=11.3",  # the first with AVIF
    "python-calamine>=0.2.3",  # Excel and OpenDocument tables
    "pyarrow>=10",  # Parquet tables
    "babel>=2.14",  # names of months and days in every language
    "tzdata",  # time zones, where the system has none
    "google-crc32c>=1.5",
    "pydantic>=2.7,<3",
    "pyyaml>=6",
    "typer>=0.12,<1",
    "rich>=13",
    "jinja2>=3.1",
    "matplotlib>=3.8",
    "scipy>=1.11",
    "scikit-learn>=1.3",
    "statsmodels>=0.14.2,<1",
    "threadpoolctl>=3",
    "requests>=2.31",
    "uvloop>=0.19; sys_platform != 'win32'",
    "httptools>=0.6",
    "orjson>=3.10",
    "prometheus-client>=0.20",
    "pysimdjson>=6",
    "grpcio>=1.62",
    "grpcio-health-checking>=1.48,<1.63",  # newer ones need a protobuf that TensorFlow 2.16 has not
    "ml-dtypes>=0.3",
    "tensorboard>=2.16,<2.17",
    "setuptools>=68,<81",  # TensorBoard 2.16 imports pkg_resources, which newer ones have not
]
DETECTION = ["tf-models-official>=2.16,<2.17", "tf-keras>=2.16,<2.17", "pycocotools>=2.0.7"]
GPU = ["tensorflow[and-cuda]>=2.16.2,<2.17"]
TFDS = ["tensorflow-datasets>=4.9.4,<5", "importlib-resources>=5"]  # etils, which it needs, imports it undeclared
HEIC = ["pillow-heif>=0.16"]  # photos of telephones
DEV = [
    "pytest>=8",
    "pytest-timeout>=2",
    "pytest-xdist>=3.5",
    "hypothesis>=6.100",
    "playwright>=1.44",  # drives a Chromium that is installed already; it downloads none
    "ruff>=0.6",
    "import-linter>=2.5",
    "mypy>=1.10",
    "types-PyYAML",
    "types-requests",
    "build>=1",
    *TFDS,
    *HEIC,
    *DETECTION,
]

setup(
    name="labline",
    version="0.1.0",
    description="From raw images and CSV series to served models: a Keras-native, TFX-style production line",
    long_description=Path(__file__).with_name("README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.12",  # tensorflow-data-validation has wheels for these two only
    packages=find_packages(
        include=[
            f"{name}{rest}"
            for name in ("labline", "pipeline", "components", "object_detection", "data", "serving")
            for rest in ("", ".*")
        ]
    ),
    package_data={
        "labline": ["cli/templates/*", "report/templates/*"],
        "pipeline": ["recipes/*.yaml", "pages/*.css", "pages/*.html"],
        "components": ["tasks/*/*.html"],
        "object_detection": ["zoo/*.yaml", "zoo/*.pbtxt"],
        "data": ["catalog/*.yaml", "samples/*.csv"],
        "serving": ["server/rest/page_files/*", "server/rest/*.pyi"],
    },
    # optional: without a C compiler the server reads large JSON bodies in a slower way
    ext_modules=[Extension("serving.server.rest._numbers", ["serving/server/rest/_numbers.c"], optional=True)],
    install_requires=CORE,
    extras_require={"detection": DETECTION, "gpu": GPU, "tfds": TFDS, "heic": HEIC, "dev": DEV},
    entry_points={
        "console_scripts": ["labline = labline.cli.main:main", "labline-model-server = serving.server.program:main"]
    },
)
