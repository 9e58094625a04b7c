# The service's image for Fly.io. `flygate image build` makes it; `docker build .` does, too.
# See docs/images.md.
#
# The same sources on the same base give the same layers: packages are pinned by hash, bytecode is
# of the kind that carries no time, and the time of every file is set. What is copied is whole
# folders into `/`, which is there: a folder that COPY makes itself has the time of the build.

# Any image of Debian or its kin with Python 3.11 or newer and pip. Pin it by digest.
ARG BASE=python:3.11-slim-bookworm

# The packages, in a virtual environment without pip. This layer changes with the pins only.
FROM ${BASE} AS packages
# A mirror, where PyPI can't be reached. No password in it: this stage's history tells it.
ARG PIP_INDEX_URL
ENV PYTHONHASHSEED=0
COPY requirements/service.txt /tmp/requirements.txt
RUN python3 -m venv --without-pip /app/venv \
    && python3 -m pip --python /app/venv/bin/python --no-cache-dir --disable-pip-version-check \
        install --require-hashes --no-deps --only-binary :all: --no-compile \
        --requirement /tmp/requirements.txt \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /app/venv \
    && find /app -exec touch --no-dereference --date @0 {} + \
    && mkdir /image && mv /app /image/

# The sources: all that .dockerignore lets through, to be read by all and written by none. Their time
# is that of the commit that last changed them: what is served as a file has its ETag from it.
FROM ${BASE} AS sources
ARG SOURCE_DATE_EPOCH=0
ENV PYTHONHASHSEED=0
COPY . /app/code
RUN rm -rf /app/code/Dockerfile /app/code/.dockerignore /app/code/requirements \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /app/code \
    && chmod -R u=rwX,go=rX /app/code \
    && find /app -exec touch --no-dereference --date "@${SOURCE_DATE_EPOCH}" {} + \
    && touch --date @0 /app \
    && mkdir /image && mv /app /image/

FROM ${BASE}
ENV PATH=/app/venv/bin:$PATH \
    PYTHONPATH=/app/code:/app/code/service:/app/code/wire \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=packages /image /
COPY --from=sources /image /
WORKDIR /app/code
# A number: a name does not tell that it is not root.
USER 10001:10001
# No HEALTHCHECK: Fly asks /readyz, as fly.toml says. And no shell: the service itself gets the
# signal to stop, drains, and hands its buckets over.
CMD ["python", "-m", "flygate_service"]
