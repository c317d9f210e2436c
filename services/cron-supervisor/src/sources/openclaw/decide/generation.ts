/**
 * What a gateway can do. `modern` is 2026.6.11 and later: runs are tasks and can be cancelled, `cron.run` answers at once, failed
 * runs are tried again. `legacy` is what came before: one job at a time, and questions about cron wait for it.
 * Told by the methods that it offers: old gateways call their version `dev`.
 */
export type Generation = 'legacy' | 'modern';

export function generationOf(methods: ReadonlySet<string>): Generation {
  return methods.has('tasks.cancel') ? 'modern' : 'legacy';
}
