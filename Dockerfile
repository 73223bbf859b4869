# Zegel in a container: locked packages, a user without rights, nothing writable but its volumes.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/zegel
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python -m pip install --require-hashes -r requirements-build.lock \
 && /opt/zegel/bin/python -m pip install --require-hashes -r requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY mailserver mailserver
COPY webui webui
COPY migrations migrations
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/zegel/bin/python -m pip install --no-deps --no-index /wheels/*.whl

FROM python:3.11-slim
# The number matters: files that Docker mounts as secrets must belong to it.
RUN groupadd --gid 10001 zegel \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin zegel \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/zegel /var/lib/zegel-keystore /etc/zegel/tls
COPY --from=build /opt/zegel /opt/zegel
ENV PATH=/opt/zegel/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ZEGEL_DATA_DIR=/var/lib/zegel \
    ZEGEL_KEYS_MASTER_FILE=/run/secrets/zegel-master \
    ZEGEL_KEYS_AUDIT_FILE=/run/secrets/zegel-audit \
    ZEGEL_LISTENERS_MX_ADDRESS=:2525 ZEGEL_LISTENERS_MX_PUBLIC_PORT=25 \
    ZEGEL_LISTENERS_SUBMISSION_ADDRESS=:5587 ZEGEL_LISTENERS_SUBMISSION_PUBLIC_PORT=587 \
    ZEGEL_LISTENERS_SUBMISSIONS_ADDRESS=:4465 ZEGEL_LISTENERS_SUBMISSIONS_PUBLIC_PORT=465 \
    ZEGEL_LISTENERS_IMAPS_ADDRESS=:9993 ZEGEL_LISTENERS_IMAPS_PUBLIC_PORT=993 \
    ZEGEL_LISTENERS_HTTPS_ADDRESS=:4443 ZEGEL_LISTENERS_HTTPS_PUBLIC_PORT=443
USER 10001:10001
WORKDIR /var/lib/zegel
VOLUME ["/var/lib/zegel", "/var/lib/zegel-keystore", "/etc/zegel/tls"]
EXPOSE 2525 5587 4465 9993 4443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["zegel", "health"]
ENTRYPOINT ["zegel"]
CMD ["serve"]
