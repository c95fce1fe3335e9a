# Two images: `operator` (also the load generator) and `scoring-server`.
#
#   docker build --target operator -t modelprofiler/operator:dev .
#   buildah build --layers --isolation chroot --network host --target operator --build-arg BASE_IMAGE=… .
#
# hack/images/build does either, on machines without a registry too. BASE_IMAGE is any Debian-like image with Python
# 3.11 or newer and its venv module. Two optional secrets are seen only while packages are fetched: `ca` (a CA bundle,
# where a proxy has its own) and `pip` (a pip.conf, where packages come from an index of one's own).
ARG BASE_IMAGE=python:3.11-slim-bookworm

# ---- Building: pip lives in an environment of its own, so that it is not in those that end up in the images.
FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/venv
COPY hack/images/fetch-packages /usr/local/bin/

FROM build AS operator-packages
COPY requirements/operator.txt /tmp/
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip fetch-packages /opt/venv/bin/python /tmp/operator.txt

FROM build AS scoring-server-packages
COPY requirements/scoring-server.txt /tmp/
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip fetch-packages /opt/venv/bin/python /tmp/scoring-server.txt

# The package itself, apart from what it needs: after a change of code only these few files are built and shipped.
FROM build AS operator-code
COPY requirements/build.txt /tmp/
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip fetch-packages /opt/build/bin/python /tmp/build.txt
COPY pyproject.toml README.md LICENSE /src/
COPY operator /src/operator
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir /wheel /src \
 && /opt/build/bin/pip --python /opt/venv/bin/python install --quiet --no-deps --no-index --no-compile \
      --root /staging --prefix /opt/venv /wheel/*.whl \
 && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash -s /staging /staging

# ---- Running: the base without what installs software, and with byte code for the standard library.
FROM ${BASE_IMAGE} AS trimmed
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/lib/python3/dist-packages/pip* \
      /usr/lib/python3/dist-packages/setuptools* /usr/lib/python3/dist-packages/wheel* \
      /usr/lib/python3*/ensurepip /usr/local/lib/python3*/ensurepip /usr/share/python-wheels \
      /usr/local/bin/pip* /usr/bin/pip* /usr/local/bin/idle* /root/.cache /var/lib/apt/lists/* /var/cache/apt/* \
 && python3 -m compileall -q --invalidation-mode unchecked-hash -x '/(test|tests|lib2to3|idlelib|dist-packages)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && echo 'nonroot:x:65532:65532:nonroot:/tmp:/usr/sbin/nologin' >>/etc/passwd \
 && echo 'nonroot:x:65532:' >>/etc/group

# From scratch: in a layer above the base, removed files would still be shipped.
FROM scratch AS runtime
COPY --from=trimmed / /
# The only place that may be written is /tmp, and even that is not needed by the operator.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /tmp
LABEL org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.vendor="modelprofiler"

FROM runtime AS scoring-server
LABEL org.opencontainers.image.title="modelprofiler scoring server" \
      org.opencontainers.image.description="Serves a score.py (init, run) with azureml-inference-server-http."
COPY --from=scoring-server-packages /opt/venv /opt/venv
EXPOSE 5001
CMD ["azmlinfsrv", "--help"]

FROM runtime AS operator
LABEL org.opencontainers.image.title="modelprofiler" \
      org.opencontainers.image.description="The operator and the load generator: measures model servers, recommends their CPU and memory."
COPY --from=operator-packages /opt/venv /opt/venv
COPY --from=operator-code /staging/ /
ENTRYPOINT ["modelprofiler"]
CMD ["operator"]
