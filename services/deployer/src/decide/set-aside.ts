const SET_ASIDE = /\.ops-[0-9a-f]{8}$/;

/** The name of a container of the version before while it is kept. */
export function keptName(name: string, deploymentId: string): string {
  return `${name}.ops-${deploymentId.slice(0, 8)}`;
}

/** Whether a container is one of a version before that some deployment keeps, or has left behind. */
export function isSetAside({ name }: { readonly name: string }): boolean {
  return SET_ASIDE.test(name);
}
