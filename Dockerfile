# docker build -t ravelin .                              TensorFlow on the CPU, and WebGPU
# docker build -t ravelin --build-arg TENSORFLOW=--gpu . TensorFlow on CUDA
# docs/containers.md says how to run it.
FROM debian:trixie-slim AS build
ARG TENSORFLOW=
WORKDIR /src
COPY . .
RUN sh scripts/container/build.sh $TENSORFLOW

FROM debian:trixie-slim
COPY --from=build /opt/ravelin /opt/ravelin
COPY scripts/container/runtime.sh /tmp/runtime.sh
ENV PATH=/opt/ravelin/bin:$PATH RAVELIN_HOME=/opt/ravelin/home
RUN sh /tmp/runtime.sh && rm /tmp/runtime.sh
WORKDIR /work
ENTRYPOINT ["ravelin"]
