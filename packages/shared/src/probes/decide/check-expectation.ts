import type { HealthCheck } from '../../config/index.js';

/** What a health check expects, in words; without what a URL may hide in its user, password and query. */
export function expectationOf(health: HealthCheck): string {
  const within = `within ${health.within} ms`;
  switch (health.kind) {
    case 'http':
      return `GET ${plainUrl(health.http)} answers ${health.status.join(' or ')}${bodyOf(health)} ${within}`;
    case 'redis':
      return `redis ${health.redis.host}:${health.redis.port} answers PING ${within}`;
    case 'postgres':
      return `PostgreSQL ${health.postgres.host}:${health.postgres.port} ${
        health.postgres.user === undefined ? 'accepts connections' : 'answers SELECT 1'
      } ${within}`;
    case 'tcp':
      return `${health.tcp.host}:${health.tcp.port} accepts a connection ${within}`;
    case 'docker':
      return `container ${health.docker.container} is running, and healthy where it says so`;
    case 'openclaw': {
      const { url, jobs } = health.openclaw;
      return `OpenClaw at ${plainUrl(url)} answers health ${within}${jobs === undefined ? '' : `, with ${jobs} enabled cron jobs`}`;
    }
  }
}

/** A URL without user, password, query and fragment: what may be shown. */
export function plainUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1').replace(/[?#].*$/s, '');
}

function bodyOf({ json, affirms, at_least }: Extract<HealthCheck, { kind: 'http' }>): string {
  const parts = [
    ...Object.entries(json ?? {}).map(([path, value]) => `${path} ${JSON.stringify(value)}`),
    ...Object.entries(at_least ?? {}).map(([path, least]) => `at least ${least} ${path}`),
    ...(affirms === undefined ? [] : [`a yes in ${affirms.join(' or ')}`]),
  ];
  return parts.length === 0 ? '' : ` with ${parts.join(', ')}`;
}
