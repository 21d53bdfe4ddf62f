# One image for every process of the app. Build: docker build -t gate-app . · Run: compose.yml, docs/container.md
#
# The base is pinned by digest (Python 3.13 on Debian 13); a newer one is a reviewed change of the line below.
FROM python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

FROM base AS build
WORKDIR /source
RUN python -m venv /opt/gate-app
COPY pyproject.toml README.md ./
COPY gate_app gate_app
RUN /opt/gate-app/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM base
# git fetches what command stages run on. They need bubblewrap, and a host that lets containers make namespaces.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends --yes bubblewrap git \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 gate-app \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin gate-app \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /opt/gate-app /opt/gate-app
ENV PATH=/opt/gate-app/bin:$PATH HOME=/data GATE_HOME=/data GATE_BIND=0.0.0.0:8000
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
ENTRYPOINT ["gate-app"]
CMD ["serve"]
