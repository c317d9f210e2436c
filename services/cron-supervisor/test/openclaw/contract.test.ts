import { faultProxy } from '@ops/shared/testing';
import { describeOpenClaw } from './contract/describe-openclaw.js';
import type { GatewayUnderTest } from './contract/gateway-under-test.js';
import { FakeGateway } from './fake/fake-gateway.js';

const TOKEN = 'canary-gateway-token-4711';

async function fake(generation: 'legacy' | 'modern'): Promise<GatewayUnderTest> {
  const gateway = await FakeGateway.start(generation, TOKEN);
  const proxy = await faultProxy({ port: gateway.wire.port });
  if (generation === 'modern') {
    for (const declarationKey of ['heartbeat:main', 'memory-core:memory-dreaming-promotion', 'skill-collection-review:main'])
      gateway.add({ name: declarationKey, declarationKey });
  }
  const badly = generation === 'modern' ? ({ kind: 'exit', code: 3 } as const) : ({ kind: 'http', status: 401 } as const);
  return {
    generation,
    proxy,
    token: TOKEN,
    speed: 10,
    add: async (job) => gateway.add(job).id,
    finish: async (job, how) => gateway.finish(job, how === 'well' ? { kind: 'ok', summary: 'done' } : badly),
    startElsewhere: async (job) => void gateway.scheduled(job),
    rename: async (job, name) => {
      const renamed = gateway.store.job(job);
      if (renamed !== undefined) renamed.name = name;
      gateway.wire.tell('cron', { jobId: job, action: 'updated', job: renamed });
    },
    remove: async (job) => gateway.remove(job),
    kill: () => gateway.kill(),
    startAgain: () => gateway.startAgain(),
    close: async () => {
      await proxy.close();
      await gateway.close();
    },
  };
}

describeOpenClaw('a legacy gateway', () => fake('legacy'));
describeOpenClaw('a modern gateway', () => fake('modern'));
