# Two images: `operator` (also the load generator) and `scoring-server`.
#
#   docker build --target operator -t modelprofiler/operator:dev .
#   buildah build --layers --isolation chroot --network host --target operator --build-arg BASE_IMAGE=… .
#
# hack/images/build does either, on machines without a registry too. BASE_IMAGE is any Debian-like image with Python
# 3.11 or newer and its venv module. Two optional secrets are seen only while packages are fetched: `ca` (a CA bundle,
# where a proxy has its own) and `pip` (a pip.conf, where packages come from an index of one's own).
ARG BASE_IMAGE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# ---- Building: pip is only here. Into the images it is mounted while they are made, so that it never is in them.
FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/venv
COPY hack/images/fetch-packages /opt/build/bin/

# The package itself, apart from what it needs: after a change of code only these few files are built and shipped.
FROM build AS operator-code
COPY requirements/build.txt /tmp/
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip \
    /opt/build/bin/fetch-packages /opt/build/bin/python /tmp/build.txt
COPY pyproject.toml README.md LICENSE /src/
COPY operator /src/operator
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir /wheel /src \
 && /opt/build/bin/pip --python /opt/venv/bin/python install --quiet --no-deps --no-index --no-compile \
      --root /staging --prefix /opt/venv /wheel/*.whl \
 && /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash -s /staging /staging

# ---- Running: the base without what installs Python packages, and with byte code for the standard library.
FROM ${BASE_IMAGE} AS runtime
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/lib/python3/dist-packages/pip* \
      /usr/lib/python3/dist-packages/setuptools* /usr/lib/python3/dist-packages/wheel* \
      /usr/lib/python3*/ensurepip /usr/local/lib/python3*/ensurepip /usr/share/python-wheels \
      /usr/local/bin/pip* /usr/bin/pip* /usr/local/bin/idle* /root/.cache /var/lib/apt/lists/* /var/cache/apt/* \
 && python3 -m compileall -q --invalidation-mode unchecked-hash -x '/(test|tests|lib2to3|idlelib|dist-packages)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && python3 -m venv --without-pip /opt/venv \
 && echo 'nonroot:x:65532:65532:nonroot:/tmp:/usr/sbin/nologin' >>/etc/passwd \
 && echo 'nonroot:x:65532:' >>/etc/group
# Nothing is written but, by servers, to /tmp.
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
LABEL org.opencontainers.image.licenses="Apache-2.0" org.opencontainers.image.vendor="modelprofiler"

FROM runtime AS scoring-server
COPY requirements/scoring-server.txt /opt/venv/requirements.txt
RUN --mount=type=bind,from=build,source=/opt/build,target=/opt/build \
    --mount=type=secret,id=ca --mount=type=secret,id=pip \
    /opt/build/bin/fetch-packages /opt/venv/bin/python /opt/venv/requirements.txt
# What installs the packages of an entry script. It is apart from what scripts can use, and is copied into other images.
COPY requirements/installer.txt /opt/installer/requirements.txt
RUN --mount=type=bind,from=build,source=/opt/build,target=/opt/build \
    --mount=type=secret,id=ca --mount=type=secret,id=pip \
    python3 -m venv --without-pip /opt/installer \
 && /opt/build/bin/fetch-packages /opt/installer/bin/python /opt/installer/requirements.txt
COPY operator/modelprofiler/host/packages.py /opt/installer/install.py
USER 65532:65532
EXPOSE 5001
CMD ["azmlinfsrv", "--help"]
LABEL org.opencontainers.image.title="modelprofiler scoring server" \
      org.opencontainers.image.description="Serves a score.py (init, run) with azureml-inference-server-http."

FROM runtime AS operator
COPY requirements/operator.txt /opt/venv/requirements.txt
RUN --mount=type=bind,from=build,source=/opt/build,target=/opt/build \
    --mount=type=secret,id=ca --mount=type=secret,id=pip \
    /opt/build/bin/fetch-packages /opt/venv/bin/python /opt/venv/requirements.txt
USER 65532:65532
ENTRYPOINT ["modelprofiler"]
CMD ["operator"]
LABEL org.opencontainers.image.title="modelprofiler" \
      org.opencontainers.image.description="The operator and the load generator: measures model servers, recommends their CPU and memory."
# Last, because it changes most often.
COPY --from=operator-code /staging/ /
