# The page with its model inside: when it runs it needs no network, no account and no folder to write to but /tmp.
#
#   docker build -t dance-demo .
#   docker build -t dance-demo:names --build-arg TRAINING=0 .    # names dances, cannot train: a good third of the size
#   docker run --rm -p 127.0.0.1:7860:7860 dance-demo            # or: docker compose up
#
# `make docker-steps` carries out these lines in a folder, where there is no Docker.

FROM python:3.11-slim-bookworm AS packages
ARG TRAINING=1
WORKDIR /build
COPY requirements.txt requirements.lock ./
# pip installs into an environment that has no pip of its own. The lock, with its hashes, is for x86_64 with all of it.
RUN python -m venv --without-pip /opt/venv \
    && case "$TRAINING $(uname -m)" in \
        "0 "*) sed -i -E '/^(tensorflow|keras)/d' requirements.txt; set -- -r requirements.txt ;; \
        "1 x86_64") set -- --require-hashes -r requirements.lock ;; \
        *) set -- -r requirements.txt ;; \
    esac \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --quiet "$@"

FROM python:3.11-slim-bookworm
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore wheel setuptools pip
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PORT=7860 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY app.py ./
COPY dance_demo ./dance_demo
COPY examples ./examples
COPY weights ./weights
RUN python -m compileall -q app.py dance_demo
USER 65534:65534
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/robots.txt\", timeout=4)"]
CMD ["python", "app.py", "--host", "0.0.0.0"]
