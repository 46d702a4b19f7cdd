# The line in a container: `docker compose run --rm line`.
FROM python:3.11-slim

WORKDIR /labline
# as bootstrap.sh installs, because pip has no overrides; no compiler is needed: crcmod, the one package without a wheel, and the server's
# reader of JSON numbers do without their compiled parts
RUN pip install --no-cache-dir uv==0.13.8
# the dependencies come first, so that a change of the code does not install them again
COPY requirements.lock overrides.txt setup.py README.md ./
RUN mkdir labline pipeline components object_detection data serving \
    && touch labline/__init__.py pipeline/__init__.py components/__init__.py object_detection/__init__.py data/__init__.py serving/__init__.py \
    && uv pip install --system --no-cache --override overrides.txt --constraint requirements.lock ".[detection]" \
    && uv pip uninstall --system labline
COPY . .
RUN uv pip install --system --no-cache --no-deps --editable .

# a user of its own: files in the shared folder belong to whoever `--user` or compose names
RUN useradd --create-home --uid 1000 labline && mkdir /workspace && chown labline /workspace
USER labline
ENV LABLINE_WORKSPACE=/workspace TF_CPP_MIN_LOG_LEVEL=2
VOLUME /workspace
CMD ["labline", "--help"]
