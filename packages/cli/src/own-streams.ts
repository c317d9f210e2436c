import { EXIT } from './exit-codes.js';

/** A reader of stdout that has seen enough (`| head`) is no failure, and ends us. Nobody who reads what is said on stderr does not. */
export function watchReaders(): void {
  process.stdout.on('error', endWithoutReader);
  process.stderr.on('error', () => undefined);
}

/** From now on what we do matters more than who reads it: we go on without a reader. */
export function outliveReaders(): void {
  process.stdout.on('error', () => undefined);
  process.stdout.off('error', endWithoutReader);
}

function endWithoutReader(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
}
