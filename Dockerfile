# The service alone: `docker build -t holdfast .`, then see deploy/compose.yaml.
# Base images have exact versions, so that a build never brings another system. To update one, change its version here.
# Needs BuildKit (the default since Docker 23) for the cache mounts, which keep dependencies compiled between builds.

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin holdfast \
    && cp target/release/holdfast /holdfast

FROM debian:12.12-slim
# No package is added: TLS roots and time zone rules are in the binary, and the shell is the image's own.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/holdfast --create-home holdfast
COPY --from=build /holdfast /usr/local/bin/holdfast
USER holdfast
WORKDIR /var/lib/holdfast
VOLUME /var/lib/holdfast
# Nothing outside can reach a container's loopback, so it listens on all addresses; the network decides who reaches the port.
ENV HOLDFAST_LISTEN=0.0.0.0:8080 HOLDFAST_LOG_FORMAT=json
EXPOSE 8080
# Checks that the process is alive, not that it is ready: a restart does not bring the database back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["holdfast"]
CMD ["serve"]
