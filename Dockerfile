# One image for every service; the command picks the service (docker-compose.yml): node dist/services/<name>/main.js
# Install scripts do not run (.npmrc): onnxruntime-node ships its binary, tfjs runs on wasm. For the native TensorFlow run
# `npm run setup:tensorflow` in a stage of your own; it needs python3, pip and a compiler.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/schemas ./schemas
COPY package.json LICENSE ./
# The image's own unprivileged user.
USER node
CMD ["node", "dist/services/cli/main.js", "--help"]
