import { HttpError } from '@ops/shared/runtime';
import type { Deployment } from '../deployment-types.js';
import { findDeployments } from '../state/deployments.js';
import type { Database } from '../state/tables.js';

/** The one deployment whose id begins so. Throws an HttpError: 404 for none, 409 for several. */
export async function theDeployment(database: Database, id: string): Promise<Deployment> {
  const found = await findDeployments(database, id);
  const [deployment] = found;
  if (deployment === undefined) throw new HttpError(404, 'NOT_FOUND', `no deployment ${id}`);
  if (found.length > 1) throw new HttpError(409, 'AMBIGUOUS', `${id} begins the ids of several deployments: give more of it`);
  return deployment;
}
