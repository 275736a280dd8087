# onair in a container: builds from source, runs as a user without rights, needs to write only /var/lib/onair (and /tmp).
#   docker build -t onair --build-arg VERSION=$(git describe --tags --always) .
#   docker run --read-only --tmpfs /tmp -e SRT_PASSPHRASE -v onair:/var/lib/onair -v ./news.yaml:/etc/onair/channel.yaml:ro --network host onair
# The base images may be replaced by any Debian 12: the one to build on needs Go, the other nothing.
ARG BUILD_IMAGE=golang:1.26-bookworm
ARG RUN_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR /src
# What changes seldom comes first, so that it is built seldom.
COPY scripts/setup scripts/env scripts/
COPY go.mod go.sum ./
COPY web/package.json web/package-lock.json web/.npmrc web/
RUN scripts/setup build && go mod download
COPY . .
ARG VERSION=dev
RUN VERSION=${VERSION} scripts/build

FROM ${RUN_IMAGE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates ffmpeg libsrt1.5-openssl \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 onair \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/onair --create-home --shell /usr/sbin/nologin onair
COPY --from=build /src/bin/onair /usr/local/bin/onair
USER 10001:10001
WORKDIR /var/lib/onair
VOLUME /var/lib/onair
EXPOSE 8080
# /healthz and /readyz are for whatever runs the container.
ENTRYPOINT ["/usr/local/bin/onair"]
CMD ["run", "/etc/onair/channel.yaml"]
