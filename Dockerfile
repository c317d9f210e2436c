# One image for every service: SERVICE says which one a container is. docs/containers.md tells how it is built and run.

# Any image with Node >= 20.19; `build` needs npx and sh in it as well.
ARG NODE_IMAGE=node:22-bookworm-slim
# Where the built workspace comes from: `build` makes it from the sources, `prebuilt` takes a build context that is one.
ARG WORKSPACE=build

FROM ${NODE_IMAGE} AS build
ENV CI=true
WORKDIR /app
# The lockfile alone decides what is fetched: a change of code fetches nothing again.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
RUN npx -y "$(node -p 'require("./package.json").packageManager')" fetch
COPY . .
RUN npx -y "$(node -p 'require("./package.json").packageManager')" install --offline --frozen-lockfile --ignore-scripts \
  && node node_modules/typescript/bin/tsc -b
# Optional packages are the embedded PostgreSQL and native speed-ups: a container is given a server, and does without.
RUN rm -rf node_modules packages/*/node_modules services/*/node_modules e2e \
  && npx -y "$(node -p 'require("./package.json").packageManager')" install --offline --frozen-lockfile --ignore-scripts --prod --no-optional \
  && rm -rf packages/*/src services/*/src packages/*/tsconfig.json services/*/tsconfig.json tsconfig*.json

FROM scratch AS prebuilt
COPY . /app

FROM ${WORKSPACE} AS workspace

# An empty folder: a new volume gets the owner of the folder that it covers, and nothing runs in the stage below to make one.
FROM scratch AS home
WORKDIR /var/lib/ops

# Nothing runs in this stage: a base without a shell will do.
FROM ${NODE_IMAGE} AS service
WORKDIR /app
COPY --from=workspace /app /app
COPY --from=home --chown=10001:10001 /var/lib /var/lib
ENV NODE_ENV=production \
  OPS_CONFIG=/etc/ops/ops.yaml \
  OPS_HOME=/var/lib/ops \
  OPS_PORT=7700
# No user of the host has this number: a monitor that sees the host's processes may signal none of them.
USER 10001:10001
EXPOSE 7700
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["node", "docker/healthcheck.mjs"]
ENTRYPOINT ["node", "docker/start-service.mjs"]
