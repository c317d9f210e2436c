import type { ServicePlan } from '../deployment-types.js';
import { oldIds } from './kept.js';
import { planOf, type Run } from './step.js';

const LINES = 20;

/** The last lines of the new containers, without secrets: what a person wants to see first. */
export async function evidenceOf(run: Run, services: readonly ServicePlan[]): Promise<readonly string[]> {
  const { engine, redactor } = run;
  const plan = planOf(run);
  const kept = oldIds(plan);
  try {
    const containers = await engine.containers(plan.project);
    const concerned = containers.filter(({ id, service }) => !kept.has(id) && services.some((one) => one.service === service));
    const texts = await Promise.all(
      concerned.map(async ({ id, name, status, exitCode, health }) => {
        const lines = await engine.lastLines(id, LINES);
        // Whole before it is cleaned: a secret may be split over two lines or two pieces of the stream.
        return redactor.text(`${name}: ${status}, exit code ${exitCode}, health ${health}\n${lines.join('\n')}`).trimEnd();
      }),
    );
    return texts.map((text) => text.slice(0, 4000));
  } catch {
    return ['the containers could not be read'];
  }
}
