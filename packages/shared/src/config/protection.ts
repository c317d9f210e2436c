import type { z } from 'zod';

interface Known {
  readonly names: readonly string[];
  readonly commands: readonly string[];
}

interface Service {
  readonly name: string;
  readonly protected?: boolean | undefined;
  readonly class: 'revenue' | 'non-revenue';
  readonly processes: Known;
  readonly health?: { readonly kind: string };
  readonly container?: string | undefined;
  readonly compose?: object | undefined;
}

interface Config {
  readonly inventory: { readonly services: readonly Service[] };
  readonly guard: {
    readonly runaway: { readonly mode: string; readonly unknown: 'spare' | 'eligible'; readonly eligible: Known };
  };
}

/**
 * Whether the runaway kill must never end a service. Revenue work and `protected: true` always; else whatever the inventory names,
 * for it is there because somebody needs it, unless `protected: false` is written, or `guard.runaway.eligible` repeats one of the
 * names or texts by which its processes are known.
 */
export function isProtected(service: Pick<Service, 'protected' | 'class' | 'processes'>, eligible: Known): boolean {
  if (service.class === 'revenue' || service.protected === true) return true;
  const { names, commands } = service.processes;
  const isNamed =
    names.some((name) => eligible.names.includes(name)) || commands.some((text) => eligible.commands.includes(text));
  return service.protected !== false && !isNamed;
}

/** Who may not be ended must be known, wherever something may be. */
export function protectionIsKnown(config: Config, context: z.core.$RefinementCtx): void {
  const { eligible, unknown, mode } = config.guard.runaway;
  const somebody = unknown === 'eligible' || eligible.names.length + eligible.commands.length > 0;
  if (mode === 'off' || !somebody) return;
  for (const [index, service] of config.inventory.services.entries()) {
    const { names, commands } = service.processes;
    // A container is known through the engine; one that cannot be attributed is spared.
    const isContained = service.container !== undefined || service.compose !== undefined || service.health?.kind === 'docker';
    if (names.length + commands.length > 0 || isContained) continue;
    // Where only what is named can be ended, a service that nobody described is spared with all the others.
    const isSaid = service.protected === true || service.class === 'revenue';
    if (!isSaid && !(unknown === 'eligible' && isProtected(service, eligible))) continue;
    const why = isSaid ? 'is protected or revenue' : 'is protected, because it does not say `protected: false`';
    context.addIssue({
      code: 'custom',
      path: ['inventory', 'services', index, 'processes'],
      message: `names or commands (or container, or compose): ${service.name} ${why}, and guard.runaway may end processes`,
    });
  }
}
