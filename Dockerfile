# The line in a container: `docker compose run --rm line labline run image_classification`.
FROM python:3.11-slim

# pyfarmhash, which TensorFlow Data Validation needs, is built from source; the Python headers are in the image already
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc g++ make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /labline
# the dependencies come first, so that a change of the code does not install them again
COPY requirements.lock setup.py README.md ./
RUN mkdir pipeline components object_detection data serving \
    && touch pipeline/__init__.py components/__init__.py object_detection/__init__.py data/__init__.py serving/__init__.py \
    && pip install --no-cache-dir --constraint requirements.lock . \
    && pip uninstall --yes labline
COPY . .
RUN pip install --no-cache-dir --no-deps --editable .

# a user of its own: files in the shared folder belong to whoever `--user` or compose names
RUN useradd --create-home --uid 1000 labline && mkdir /workspace && chown labline /workspace
USER labline
ENV LABLINE_WORKSPACE=/workspace TF_CPP_MIN_LOG_LEVEL=2
VOLUME /workspace
CMD ["labline", "--help"]
