import { resolve } from 'node:path';
import { OwnProcess, type OwnProcessOptions } from '@ops/shared/testing';
import { dockerHost } from './engine.js';

/** The deployer as a process of its own, that can be killed. */
export function ownDeployer(options: Omit<OwnProcessOptions, 'main' | 'env'>): OwnProcess {
  const main = resolve(import.meta.dirname, '..', 'dist', 'main.js');
  return new OwnProcess({ ...options, main, env: { DOCKER_HOST: dockerHost, DOCKER_CONFIG: process.env.DOCKER_CONFIG } });
}
