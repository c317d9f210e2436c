import type { InventoryService } from '@ops/shared/config';

/** The folders of the Compose projects that the inventory names, each once. */
export function projectFolders(services: readonly InventoryService[]): ReadonlySet<string> {
  return new Set(services.flatMap(({ compose }) => (compose === undefined ? [] : [compose.project])));
}
