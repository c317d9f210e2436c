import type { LookoutSource } from '../act/lookout.js';
import type { ServicePlan } from '../deployment-types.js';
import { orchestratorOf } from './orchestrator.js';
import { planOf, type Run } from './step.js';

const LINES = 20;
const MOST = 20;

/** The last lines of the new containers, or of another version's, without secrets: what a person wants to see first. */
export async function evidenceOf(
  run: Run,
  services: readonly ServicePlan[],
  source: LookoutSource = orchestratorOf(run).newVersion(run),
): Promise<readonly string[]> {
  try {
    const { containers, ended } = await source.look(planOf(run).project);
    const seen = new Set(containers.map(({ id }) => id));
    const witnesses = [
      ...containers.map(({ name, status, exitCode, health, ...one }) => ({
        ...one,
        title: `${name}: ${status}, exit code ${exitCode}, health ${health}`,
      })),
      ...ended.filter(({ id }) => !seen.has(id)).map(({ how, ...one }) => ({ ...one, title: `${one.service}: ${how}` })),
    ].filter(({ service }) => services.some((one) => one.service === service));
    const texts = await Promise.all(
      witnesses.slice(0, MOST).map(async ({ id, title }) => {
        const lines = await source.lastLines(id, LINES);
        // Whole before it is cleaned: a secret may be split over two lines or two pieces of the stream.
        return run.redactor.text(`${title}\n${lines.join('\n')}`).trimEnd();
      }),
    );
    return texts.map((text) => text.slice(0, 4000));
  } catch {
    return ['the containers could not be read'];
  }
}
