/** Where names of kept images begin. */
export const KEPT_IMAGES = 'ops-keep';

/** The name under which an image is kept, so that no prune takes it: repository and tag. */
export function keepTag(project: string, service: string, imageId: string): [repository: string, tag: string] {
  return [`${KEPT_IMAGES}/${project}/${service}`, imageId.replace(/^sha256:/, '').slice(0, 20)];
}
