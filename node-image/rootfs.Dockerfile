# The node's root file system from a registry; node-image/build makes the same from Debian's packages where none is.
FROM debian:trixie-slim AS full
COPY packages slim /
RUN apt-get update && xargs apt-get install -y --no-install-recommends </packages && sh /slim && rm /packages /slim
FROM scratch
COPY --from=full / /
