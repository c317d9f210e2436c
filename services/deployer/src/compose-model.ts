import { z } from 'zod';

const port = z.looseObject({
  target: z.number(),
  published: z.string().optional(),
  protocol: z.string().optional(),
  host_ip: z.string().optional(),
});
const mount = z.looseObject({
  type: z.string(),
  source: z.string().optional(),
  target: z.string(),
  read_only: z.boolean().optional(),
});
const grant = z.looseObject({ source: z.string() });
const resources = z.looseObject({ memory: z.string().optional(), cpus: z.union([z.string(), z.number()]).optional() });
const composeService = z.looseObject({
  image: z.string().optional(),
  build: z.unknown().optional(),
  pull_policy: z.string().optional(),
  container_name: z.string().optional(),
  restart: z.string().optional(),
  depends_on: z.record(z.string(), z.looseObject({ condition: z.string() })).optional(),
  environment: z.record(z.string(), z.string().nullable()).nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
  ports: z.array(port).optional(),
  volumes: z.array(mount).optional(),
  configs: z.array(grant).nullish(),
  secrets: z.array(grant).nullish(),
  healthcheck: z
    .looseObject({
      test: z.array(z.string()).nullish(),
      interval: z.string().optional(),
      timeout: z.string().optional(),
      retries: z.number().optional(),
      start_period: z.string().optional(),
      disable: z.boolean().optional(),
    })
    .nullish(),
  scale: z.number().optional(),
  deploy: z
    .looseObject({
      replicas: z.number().nullish(),
      resources: z.looseObject({ reservations: resources.optional(), limits: resources.optional() }).optional(),
    })
    .nullish(),
  mem_reservation: z.string().optional(),
  network_mode: z.string().optional(),
  networks: z.record(z.string(), z.unknown()).nullish(),
});
const fileSource = z.looseObject({ file: z.string().optional() });
/** `docker compose config --format json`. Compose's other fields are kept as they are. */
export const composeModel = z.looseObject({
  name: z.string(),
  services: z.record(z.string(), composeService),
  volumes: z.record(z.string(), z.looseObject({ driver: z.string().optional() }).nullable()).nullish(),
  configs: z.record(z.string(), fileSource).nullish(),
  secrets: z.record(z.string(), fileSource).nullish(),
});

/** A project as Compose understands it: every variable filled in, every path absolute. Holds secrets. */
export type ComposeModel = z.infer<typeof composeModel>;
export type ComposeService = z.infer<typeof composeService>;
